import { spawn } from 'node:child_process';
import { buffer } from 'node:stream/consumers';
import path from 'node:path';
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor.js';

/**
 * TypeScript for the messages and services of `proto/`, by ts-proto. It is a plugin of protoc, which would be a binary
 * of its own for every platform; here protobufjs reads the .proto files and asks the plugin as protoc would.
 */
const FILES = ['adiom/v1/adiom.proto', 'adiom/v1/vector.proto'];
const OUTPUT = 'adiom/v1/adiom.ts';

/** What the compiler's settings ask for, and `Uint8Array` views for bytes, which a `Buffer` would copy. */
const PARAMETER = [
  'outputServices=generic-definitions',
  'enumsAsLiterals=true',
  'importSuffix=.ts',
  'forceLong=bigint',
  'useDate=false',
  'outputJsonMethods=false',
  'outputPartialMethods=false',
  'esModuleInterop=true',
  'annotateFilesWithVersion=false',
].join(',');

const plugin = protobuf.parse(`
  syntax = "proto3";
  message Request { repeated string file_to_generate = 1; string parameter = 2; repeated bytes proto_file = 15; }
  message Response { message File { string name = 1; string content = 15; } string error = 1; repeated File file = 15; }
`).root;

/**
 * @param {string} root of the project
 * @returns {Promise<{ file: string, text: string }[]>} the files, and what should be in them
 */
export async function generateProto(root) {
  const schema = new protobuf.Root();
  schema.resolvePath = (_origin, target) =>
    target.startsWith('google/') ? target : path.join(root, 'proto', target);
  // One after the other, so that what comes out always has the same order.
  for (const file of FILES) schema.loadSync(file);
  const made = await runPlugin(root, toRequest(schema));
  return made.map(({ name, content }) => ({
    file: path.join(root, 'proto', 'gen', name),
    text: content,
  }));
}

/** @param {protobuf.Root} schema */
function toRequest(schema) {
  schema.resolveAll();
  const { file: files } = schema.toDescriptor('proto3');
  const name = OUTPUT.replace(/\.ts$/, '.proto');
  for (const file of files) {
    const isOurs = file.package === 'adiom.v1';
    file.name = isOurs ? name : 'google/protobuf/timestamp.proto';
    file.dependency = isOurs ? ['google/protobuf/timestamp.proto'] : [];
    for (const message of file.messageType ?? [])
      qualify(message, schema.lookupType(`${file.package}.${message.name}`));
    for (const { name: service, method: methods } of file.service ?? [])
      for (const method of methods ?? []) {
        const { methods: known } = schema.lookupService(`${file.package}.${service}`);
        const called = known[method.name ?? ''];
        called?.resolve();
        method.inputType = called?.resolvedRequestType?.fullName ?? '';
        method.outputType = called?.resolvedResponseType?.fullName ?? '';
      }
  }
  return plugin
    .lookupType('Request')
    .encode({
      fileToGenerate: [name],
      parameter: PARAMETER,
      protoFile: files
        .sort((a, b) => a.dependency.length - b.dependency.length)
        .map((file) => descriptor.FileDescriptorProto.encode(file).finish()),
    })
    .finish();
}

/**
 * The plugin takes names from the root only, as protoc writes them.
 *
 * @param {Record<string, any>} message
 * @param {protobuf.Type} type
 */
function qualify(message, type) {
  for (const field of message.field ?? []) {
    const target = type.fields[protobuf.util.camelCase(field.name)]?.resolvedType;
    if (target) field.typeName = target.fullName;
  }
  for (const nested of message.nestedType ?? []) qualify(nested, type.lookupType(nested.name));
}

/**
 * @param {string} root
 * @param {Uint8Array} request
 * @returns {Promise<{ name: string, content: string }[]>}
 */
async function runPlugin(root, request) {
  const file = path.join(root, 'node_modules', 'ts-proto', 'protoc-gen-ts_proto');
  const child = spawn(process.execPath, [file], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(request);
  const { error, file: made } = plugin
    .lookupType('Response')
    .decode(await buffer(child.stdout))
    .toJSON();
  if (made === undefined) throw new Error(`ts-proto made nothing: ${error}`);
  return made;
}
