/** Lines of the server's log, as an operator sees them: without tokens and personal data. */

export type LogLine = Readonly<Record<string, string | number | boolean>>;

const FIRST = ['timestamp', 'level', 'event', 'message'];

/** The line as JSON, with what matters most first. The time is without its date. */
export function textOf(line: LogLine): string {
  const names = [...FIRST.filter((name) => name in line), ...Object.keys(line).filter((name) => !FIRST.includes(name))];
  const short = { ...line, timestamp: String(line.timestamp).replace(/^.*T|\.\d+Z$/g, '') };
  return JSON.stringify(short, names).replace(/,"/g, ', "');
}
