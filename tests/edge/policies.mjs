// What CloudFront's managed policies mean, and how long a response is cached.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Expiration.html

const CACHE = {
  '4135ea2d-6df8-44a3-9df3-4b5a84be39ad': { MinTTL: 0, DefaultTTL: 0, MaxTTL: 0 }, // CachingDisabled
  '658327ea-f89d-4fab-a63d-7e88639e58f6': { MinTTL: 1, DefaultTTL: 86_400, MaxTTL: 31_536_000 }, // CachingOptimized
};
const ORIGIN_REQUEST = {
  'b689b0a8-53d0-40ab-baf2-68738e2966ac': { all: true, host: false }, // AllViewerExceptHostHeader
  '216adef6-5c7f-47e4-b989-5492eafa07d3': { all: true, host: true }, // AllViewer
};
const NOTHING = { all: false, host: false };

/** How long the responses of a behavior are cached. A policy of the template's own may tell requests apart by their path only. */
export function cachePolicy({ CachePolicyId: id }, resources) {
  if (CACHE[id]) return CACHE[id];
  const { ParametersInCacheKeyAndForwardedToOrigin: key, ...times } = resources[id?.Ref]?.Properties.CachePolicyConfig ?? unknown('cache policy', id);
  for (const part of ['HeadersConfig', 'CookiesConfig', 'QueryStringsConfig']) {
    const [behavior] = Object.entries(key[part]).filter(([name]) => name.endsWith('Behavior')).map(([, value]) => value);
    if (behavior !== 'none') unknown(part, behavior);
  }
  return times;
}

/** What of a viewer's request its origin gets. */
export const originRequestPolicy = ({ OriginRequestPolicyId: id }) => (id ? ORIGIN_REQUEST[id] ?? unknown('origin request policy', id) : NOTHING);

function unknown(what, id) {
  throw new Error(`the local edge does not know the ${what} ${JSON.stringify(id)}`);
}

/**
 * Errors that CloudFront caches whatever the origin says, and those that it caches if the origin gives them an age.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HTTPStatusCodes.html
 */
const CACHED_ERRORS = [404, 414, 500, 501, 502, 503, 504];
const CACHED_IF_TOLD = [400, 403, 405, 412, 415];

/** For how many seconds this response is cached. `errorMinTTL` is the distribution's, by status. */
export function lifetime({ status, headers }, { MinTTL, DefaultTTL, MaxTTL }, errorMinTTL) {
  const control = headers['cache-control'] ?? '';
  const age = Number(/s-maxage=(\d+)/.exec(control)?.[1] ?? /max-age=(\d+)/.exec(control)?.[1] ?? NaN);
  if (CACHED_ERRORS.includes(status)) return Math.max(errorMinTTL(status), age || 0);
  if (status >= 400) return CACHED_IF_TOLD.includes(status) && age >= 0 ? Math.max(errorMinTTL(status), age) : 0;
  if (/no-store|no-cache|private/.test(control)) return MinTTL;
  return Number.isNaN(age) ? Math.max(MinTTL, DefaultTTL) : Math.min(Math.max(age, MinTTL), MaxTTL);
}

/** The headers of a response headers policy. */
export function responseHeaders({ ResponseHeadersPolicyId: id }, resources) {
  if (!id) return {};
  const security = (resources[id.Ref] ?? unknown('response headers policy', id)).Properties.ResponseHeadersPolicyConfig.SecurityHeadersConfig;
  return {
    'content-security-policy': security.ContentSecurityPolicy.ContentSecurityPolicy,
    'x-content-type-options': 'nosniff',
    'x-frame-options': security.FrameOptions.FrameOption,
    'referrer-policy': security.ReferrerPolicy.ReferrerPolicy,
    'strict-transport-security': `max-age=${security.StrictTransportSecurity.AccessControlMaxAgeSec}`,
  };
}
