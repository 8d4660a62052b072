import { status } from '@grpc/grpc-js';
import { DataType } from '../../proto/gen/adiom/v1/adiom.ts';
import { CallError } from './call-error.ts';

export function refuseOtherType(type: DataType): void {
  if (type !== DataType.DATA_TYPE_MONGO_BSON)
    throw new CallError(
      status.INVALID_ARGUMENT,
      `data type ${type} is not offered; ask for ${DataType.DATA_TYPE_MONGO_BSON} (BSON)`,
    );
}

export function noNamespace(names: readonly string[]): CallError {
  return new CallError(status.NOT_FOUND, `there is no namespace ${names.join(', ')} here`);
}
