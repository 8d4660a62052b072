import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';

/**
 * `npm run sentences [-- FOLDER...]`: every sentence of the code that a person may see (errors, findings, log messages,
 * help, the console), by file and line, to be read once as a whole.
 */
const FOLDERS = ['services', 'shared', 'infra'];
const MIN_WORDS = 3;

function sentencesIn(file: string): { line: number; text: string }[] {
  const source = ts.createSourceFile(
    file,
    readFileSync(file, 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  );
  const found: { line: number; text: string }[] = [];
  const add = (node: ts.Node, text: string): void => {
    const plain = text.replaceAll(/\s+/g, ' ').trim();
    const words = plain.split(' ').filter((word) => /^[(`"'“]?[A-Za-z{]/.test(word));
    const isCode = /\b(SELECT|FROM|WHERE|CREATE|ALTER|SET|INSERT|VALUES) .*|=>|^\W*$/.test(plain);
    if (words.length < MIN_WORDS || (isCode && !/; run /.test(plain))) return;
    const { line } = source.getLineAndCharacterOfPosition(node.getStart());
    found.push({ line: line + 1, text: plain });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) return;
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) add(node, node.text);
    else if (ts.isTemplateExpression(node)) {
      const parts = node.templateSpans.map(
        ({ expression, literal }) => `{${expression.getText().slice(0, 30)}}${literal.text}`,
      );
      add(node, node.head.text + parts.join(''));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const root = projectRoot();
const folders = process.argv.length > 2 ? process.argv.slice(2) : FOLDERS;
for (const folder of folders)
  for (const name of readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })) {
    if (!/\.(ts|mjs)$/.test(name) || /\.test\.ts$|(^|\/)(dist|node_modules)\//.test(name)) continue;
    const file = path.join(folder, name);
    for (const { line, text } of sentencesIn(path.join(root, file)))
      process.stdout.write(`${file}:${line}: ${text}\n`);
  }
