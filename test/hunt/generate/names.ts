import type { Dice } from './dice.ts';

export function quoteIdent(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

const NOUNS =
  'account address audit bill booking branch cart category city client country customer device document event file invoice item job journal label ledger lesson line log member message note offer order page parcel payment person photo place plan post price product profile project rating reading record report review role route sale school sensor session shift shop stock store survey tag task team ticket token trip user vehicle visit ward'.split(
    ' ',
  );
const COLUMNS =
  'active amount balance birth_date body code color comment count created_at data deleted_at description due email end_at first_name flags height kind last_name lat level lon name notes number parent payload phone position price quantity rank ratio region score size slug start_at state status street tags title total updated_at url value version weight zip'.split(
    ' ',
  );
const RESERVED =
  'user order select table group from where all default check column end limit'.split(' ');

/** Makes names that are not taken: ordinary ones, and now and then one as people should not choose it. */
export class Names {
  readonly #dice: Dice;
  readonly #oddShare: number;
  readonly #taken = new Set<string>();

  constructor(dice: Dice, oddShare: number) {
    this.#dice = dice;
    this.#oddShare = oddShare;
  }

  table(): string {
    return this.#free('table', () => this.#orOdd(this.#dice.pick(NOUNS)));
  }

  schema(): string {
    return this.#free('schema', () => this.#orOdd(this.#dice.pick(['app', 'core', 'shop', 'crm'])));
  }

  /** Of types, sequences, indexes and constraints, which share the tables' names here, too. */
  object(): string {
    return this.#free('table', () => this.#orOdd(`${this.#dice.pick(NOUNS)}_${this.#dice.letters(3)}`)); // prettier-ignore
  }

  column(of: string): string {
    return this.#free(`column of ${of}`, () => this.#orOdd(this.#dice.pick(COLUMNS)));
  }

  #orOdd(ordinary: string): string {
    return this.#dice.chance(this.#oddShare) ? this.#odd(ordinary) : ordinary;
  }

  #odd(ordinary: string): string {
    const capital = ordinary[0]!.toUpperCase() + ordinary.slice(1);
    return this.#dice.pick([
      capital,
      `${capital} List`,
      `${ordinary}.${this.#dice.letters(2)}`,
      `${ordinary}"q"`,
      `${ordinary}'s`,
      `a "quoted" ${ordinary}, with \\ and $1`,
      `größe_${ordinary}`,
      `表_${ordinary}`,
      `${ordinary}*`,
      `${ordinary}?[a]`,
      `!${ordinary}`,
      `${ordinary}_${'x'.repeat(62 - ordinary.length)}`,
      `${'é'.repeat(31)}`,
      `-- ${ordinary}`,
      `${ordinary}(1)`,
      `${ordinary}{}`,
      `${ordinary},${ordinary}`,
      ` ${ordinary} `,
      `${ordinary}:${ordinary}`,
      `${ordinary}%`,
      `${ordinary} ON ONLY public.x USING btree (a)`,
      `${ordinary}\ttab`,
      this.#dice.pick(RESERVED),
      String(this.#dice.between(1, 99)),
    ]);
  }

  #free(kind: string, make: () => string): string {
    for (let attempt = 0; ; attempt++) {
      let name = make();
      // 63 bytes are all that a name can have.
      if (attempt > 3) name = `${name.slice(0, 20)}${attempt}`;
      const key = `${kind}\0${name}`;
      if (this.#taken.has(key)) continue;
      this.#taken.add(key);
      return name;
    }
  }
}
