// Runs on each request for the front end, before CloudFront looks into its cache.
//
// A path whose last part has no extension is a page, and every page is index.html, which reads the address. A missing file stays a
// 404. Apps look for files without an extension, such as apple-app-site-association, in .well-known.
function handler(event) {
  const request = event.request;
  const isFile = /\.[^./]+$/.test(request.uri) || /^\/\.well-known\/[\w-]+$/.test(request.uri);
  if (!isFile) request.uri = '/index.html';
  return request;
}
