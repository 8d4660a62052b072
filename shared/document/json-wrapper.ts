/** What an object of Extended JSON stands for where it is no document. */
export type JsonWrapper =
  | '$undefined'
  | '$numberInt'
  | '$numberLong'
  | '$numberDouble'
  | '$numberDecimal'
  | '$oid'
  | '$date'
  | '$timestamp'
  | '$binary'
  | '$uuid'
  | '$regularExpression'
  | '$code'
  | '$symbol'
  | '$dbPointer'
  | '$minKey'
  | '$maxKey';

const WRAPPERS: ReadonlySet<string> = new Set<JsonWrapper>([
  ...(['$undefined', '$numberInt', '$numberLong', '$numberDouble', '$numberDecimal'] as const),
  ...(['$oid', '$date', '$timestamp', '$binary', '$uuid', '$regularExpression'] as const),
  ...(['$code', '$symbol', '$dbPointer', '$minKey', '$maxKey'] as const),
]);

/** By the names of its fields; null where it is a document. Code may have a scope beside it. */
export function wrapperOf(names: readonly string[]): JsonWrapper | null {
  const found = names.find((name) => WRAPPERS.has(name)) as JsonWrapper | undefined;
  if (found === undefined) return null;
  const isAlone = names.length === 1;
  return isAlone || (found === '$code' && names.length === 2 && names.includes('$scope'))
    ? found
    : null;
}
