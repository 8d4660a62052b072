export interface Interpolated {
  text: string;
  /** Names that the environment does not have. */
  missing: string[];
  /** Whether there is a `${` that names nothing, such as `${a b}` or one that is not closed. */
  malformed: boolean;
}

const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{/g;

/** Replaces each `${NAME}` by the environment's value; `$${` stands for `${` itself. */
export function interpolate(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): Interpolated {
  const missing: string[] = [];
  let malformed = false;
  const replaced = text.replace(REFERENCE, (match, name: string | undefined) => {
    if (match === '$${') return '${';
    if (name === undefined) {
      malformed = true;
      return match;
    }
    const value = env[name];
    if (value === undefined) missing.push(name);
    return value ?? '';
  });
  return { text: replaced, missing, malformed };
}
