// CloudFront's functions, as its runtime runs them: with nothing around them.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html

import { createContext, runInContext } from 'node:vm';

/** `handler` of this code. The runtime has no modules, no timers, no network and no `eval`. */
export function handler(code) {
  const context = createContext({}, { codeGeneration: { strings: false, wasm: false } });
  runInContext(code, context);
  // An object of another realm equals none of ours.
  return (event) => JSON.parse(JSON.stringify(context.handler(structuredClone(event))));
}

/** The event of a viewer's request. Cookies are no headers in it, and of several headers with one name the last is `value`. */
export function viewerRequest({ method, uri, query, headers, ip }) {
  const { cookie, ...others } = headers;
  return {
    version: '1.0',
    context: { eventType: 'viewer-request' },
    viewer: { ip },
    request: {
      method,
      uri,
      querystring: Object.fromEntries([...new URLSearchParams(query)].map(([name, value]) => [name, { value }])),
      headers: Object.fromEntries(Object.entries(others).map(([name, values]) => [name, several(values)])),
      cookies: Object.fromEntries((cookie ?? []).flatMap((line) => line.split(';')).map((pair) => pair.trim().split(/=(.*)/s)).map(([name, value = '']) => [name, { value }])),
    },
  };
}

const several = (values) => (values.length > 1 ? { value: values.at(-1), multiValue: values.map((value) => ({ value })) } : { value: values[0] });

/** The headers that a function leaves, as lists of values. */
export const headersOf = (request) =>
  Object.fromEntries(Object.entries(request.headers).map(([name, { value, multiValue }]) => [name, multiValue?.map((one) => one.value) ?? [value]]));
