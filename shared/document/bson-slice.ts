/** A BSON value in place. */
export interface BsonSlice {
  type: number;
  bytes: Buffer;
  from: number;
  to: number;
}
