// A column of a table, in the page and in files.

export interface Column<Row> {
  /** Name in files, and the heading in the page. */
  name: string;
  heading: string;
  unit: string;
  /** Unified content descriptor of the VOTable, where there is one. */
  ucd?: string;
  value: (row: Row) => string | number | undefined;
  /** How it is written in the page, where that is not as in files. */
  words?: (row: Row) => string;
  link?: (row: Row) => string;
  about: string;
}
