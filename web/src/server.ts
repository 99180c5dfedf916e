/** The user on a server that renders pages. */

export interface ServerUserOptions {
  /** Address of the API, which has to receive this site's cookies. */
  baseUrl: string;
  timeoutMs?: number;
  fetch?: typeof fetch;
}
