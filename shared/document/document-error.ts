import type { Relation } from '../change/relation.ts';
import { WeirError } from '../errors/weir-error.ts';

/**
 * `absent`: a column has no field. `unknown`: a field has no column. `type`: a column cannot hold what BSON type the
 * field has. `value`: it could, but not this value without loss. `id`: what `_id` says is not what the fields say.
 * `damaged`: the bytes are no document.
 */
export type DocumentProblem = 'absent' | 'unknown' | 'type' | 'value' | 'id' | 'damaged';

/** A document that cannot become a row of its namespace. Holds no values. */
export class DocumentError extends WeirError {
  readonly problem: DocumentProblem;
  /** Null where it is about the whole document. */
  readonly field: string | null;

  constructor(
    problem: DocumentProblem,
    { namespace }: Relation,
    field: string | null,
    message: string,
  ) {
    super('ROW_REFUSED', `${message} (namespace ${namespace})`);
    this.name = 'DocumentError';
    this.problem = problem;
    this.field = field;
  }
}
