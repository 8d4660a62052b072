/** A slice of a namespace: the unit of copying and of resuming. */
export interface Chunk {
  /** Unique in the pipeline, never used again for other content. */
  id: number;
  namespace: string;
  /** What the connector needs to read it; opaque to the core. */
  cursor: unknown;
  /**
   * `load`: the target has none of these rows. `merge`: it may have some, as they were at the namespace's `settled` or
   * as they were before a change that could not be applied without them; so they come when every lane is there.
   */
  how: 'load' | 'merge';
  /** What its bytes are: one that the source gives and the target takes (`ConnectorInfo`). */
  dataType: string;
  estimatedBytes: number;
  /** Where the source knows. */
  estimatedRows?: number;
}
