// The page that replays one kind of front end: `?kind=<file in kinds/>`, with `&changed` after the change that the documentation names.

/* global API */
const kinds = import.meta.glob('./kinds/*.js', { eager: true });
const query = new URLSearchParams(location.search);
const { create } = kinds[`./kinds/${query.get('kind')}.js`];

/** Its answers to a test. A front end may throw: then the test sees the message. */
window.frontEnd = create({ api: API, isChanged: query.has('changed') });
