// Tables as files: CSV (RFC 4180), and VOTable 1.4 as the IVOA has it.

import type { Column } from "./column";

export function csv<Row>(columns: Column<Row>[], rows: Row[]): string {
  const cell = (value: string | number | undefined) => {
    const text = String(value ?? "");
    return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  const lines = [columns.map(({ name }) => name), ...rows.map((row) => columns.map(({ value }) => value(row)))];
  return lines.map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n";
}

export function votable<Row>(name: string, columns: Column<Row>[], rows: Row[]): string {
  const isNumber = columns.map(({ value }) => rows.some((row) => typeof value(row) === "number"));
  const fields = columns.map((column, i) => {
    const type = isNumber[i] ? 'datatype="double"' : 'datatype="unicodeChar" arraysize="*"';
    const unit = column.unit ? ` unit="${xml(column.unit === "R⊕" ? "Rearth" : column.unit === "R☉" ? "solRad" : column.unit)}"` : "";
    const ucd = column.ucd ? ` ucd="${xml(column.ucd)}"` : "";
    return `      <FIELD name="${xml(column.name)}" ${type}${unit}${ucd}><DESCRIPTION>${xml(column.about)}</DESCRIPTION></FIELD>`;
  });
  const lines = rows.map((row) => `<TR>${columns.map(({ value }) => `<TD>${xml(String(value(row) ?? ""))}</TD>`).join("")}</TR>`);
  return `<?xml version="1.0" encoding="UTF-8"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">
  <RESOURCE type="results">
    <TABLE name="${xml(name)}">
${fields.join("\n")}
      <DATA><TABLEDATA>
${lines.join("\n")}
      </TABLEDATA></DATA>
    </TABLE>
  </RESOURCE>
</VOTABLE>
`;
}

/** XML 1.0 has no place for most control characters, however they are written. */
function xml(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "").replace(/[&<>"]/g, (sign) => names[sign]!);
}
