/** A column holds no values of this BSON type. */
export class Misfit extends Error {}
