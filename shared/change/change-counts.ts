export interface ChangeCounts {
  inserts: number;
  updates: number;
  deletes: number;
  truncates: number;
}
