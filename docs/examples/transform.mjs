/** A step of one's own: see `module` in docs/transforms.md. Integers come as BigInt, and the same row must give the same. */
export default function transform(row, { namespace, kind }) {
  if (row.name === '') return null;
  return { ...row, name: row.name.toUpperCase(), via: `${namespace} by ${kind}` };
}
