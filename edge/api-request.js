// Runs on each request for the API, before CloudFront looks into its cache.
//
// The API believes `x-viewer-ip` only together with the origin secret, which CloudFront adds after this function. A client's own
// copies of both are dropped, however many there are.
function handler(event) {
  const request = event.request;
  delete request.headers['x-origin-secret'];
  request.headers['x-viewer-ip'] = { value: event.viewer.ip };
  // The paths of dj-rest-auth end in a slash, and an HTTP API has no such routes.
  request.uri = request.uri.replace(/(.)\/$/, '$1');
  return request;
}
