/** The texts of the page in English. */

import { ahead, flow } from './flow.js';
import type { Texts } from './ko.js';

export const en: Texts = {
  title: 'Kakao Login demo',
  description: 'Try a Kakao login without servers to run: steal the token, lose a response, rotate the signing key, and see who stays logged in.',
  language: 'Language',
  hero: 'Kakao Login without servers to run',
  lead: 'It takes thirty seconds: log in, watch the token renew itself, then break something on purpose.',

  session: 'My session',
  checking: 'Checking session…',
  checkingLong: 'You stay logged in until the server says otherwise.',
  anonymous: 'Not logged in',
  loggedIn: 'Logged in',
  offline: 'Offline · still logged in',
  welcome: 'Log in to begin',
  standIn: 'This opens a stand-in for Kakao on this computer. No real Kakao account is used.',
  realKakao: 'This opens Kakao’s login page.',
  switching: 'After a logout, Kakao asks you to log in again. You can use another account.',
  login: 'Login with Kakao',
  steps: 'Thirty-second tour',
  stepList: {
    login: 'Log in with Kakao',
    renew: 'Watch the token renew',
    burst: 'Make 20 API calls at once',
    leave: 'Open a second tab, then log out',
    break: 'Cut the connection',
  },

  done: 'done',
  progress: (done, of) => `${done} of ${of}`,

  noName: 'No name',
  noEmail: 'No email shared',
  picture: 'Profile picture',
  joined: (date) => `Joined ${new Intl.DateTimeFormat('en', { dateStyle: 'medium' }).format(date)}`,
  tokenLeft: 'Token expires in',
  seconds: 's',
  renewed: 'Renewed just now',
  renewsAt: (seconds) => `Renews ${seconds} s before it expires`,
  onDemand: 'Renews with the next request',
  waiting: 'Renews once connected',
  whereIsIt: 'Where is my token?',
  logout: 'Log out',
  logoutEverywhere: 'Log out everywhere',

  actions: 'Call the API',
  call: 'Call API',
  callHint: 'Fetches my profile once',
  expireAndCall: 'Force expiry, then call',
  expireAndCallHint: 'A 401, then a renewal and a retry',
  twenty: 'Force expiry, then 20 at once',
  twentyHint: '20 fail, 1 renewal',
  newTab: 'Open a second tab',
  newTabHint: 'Logged in with 0 requests',
  opensTab: '(opens in a new tab)',
  result: 'Result',
  resultEmpty: 'Press a button to see its requests here.',
  resultNone: 'No request was sent.',
  simulatedNote: 'The expiry and the 401 are simulated in this page. The renewal and the retries are real requests.',

  faults: 'Break something',
  faultsNote: 'Only “Offline” is simulated in this page. The others really break the server. Each switch also starts a renewal.',
  fault: { offline: 'Offline', auth: 'Auth server 503', kakao: 'Kakao is down' },
  faultHint: {
    offline: 'Every request of this page fails',
    auth: 'Login, renewal and logout get a 503',
    kakao: 'New logins fail, renewals go on',
  },
  faultFailed: 'Could not reach the server, so nothing was changed.',
  simulated: 'simulated',
  upTo: (ms) => `up to ${ms} ms`,

  journal: 'What happened',
  counters: { refreshes: 'Refreshes', retries: 'Retries', requests: 'API requests' },
  countersNote: 'Counts only requests that were sent to the server.',
  rows: 'Entries',
  journalEmpty: 'Nothing yet.',

  devices: 'My devices',
  devicesNote: 'Where you are logged in. A device that you log out notices at its next renewal.',
  deviceCount: (count) => (count === 1 ? '1 device' : `${count} devices`),
  showDevices: 'Show devices',
  hideDevices: 'Hide devices',
  endOthers: 'Log out all others',
  endDevice: (name) => `Log out ${name}`,
  endFailed: 'Could not log it out. Please try again in a moment.',
  thisDevice: 'This device',
  lastUsed: (time) => `Last used ${time}`,
  device: ({ app, system }) => {
    const names: Record<string, string> = { kakaotalk: 'KakaoTalk', naver: 'NAVER app', whale: 'Whale', samsung: 'Samsung Internet', app: 'App' };
    return [app && (names[app] ?? app), system].filter(Boolean).join(' on ') || 'Unknown device';
  },

  account: 'My account',
  downloadData: 'Download my data',
  downloadHint: 'Everything stored about you, as a file',
  download: { done: 'Your file is ready.', failed: 'Could not get your data. Please try again in a moment.' },
  deleteAccount: 'Delete my account',
  deleteHint: 'Also ends the link to Kakao',
  unlink: 'Unlink at Kakao',
  unlinkHint: 'Unlink at the stand-in, and you are logged out here about a minute later',
  confirm: 'Delete your account?',
  confirmPoints: [
    'Your profile is erased and you are logged out on all devices, at once.',
    'Within two minutes the link to Kakao ends as well. If you log in after that, you join as a new user.',
    'This cannot be undone. Download your data first if you need it.',
    'If your login is older than ten minutes, you log in at Kakao once more before the account is deleted.',
  ],
  confirmDelete: 'Delete account',
  cancel: 'Cancel',
  deletion: {
    deleting: 'Deleting your account…',
    leaving: 'Please log in at Kakao once more, so that we know it is you.',
    failed: 'Your account could not be deleted. Please try again in a moment.',
    'other-user': 'You logged in with another account, so nothing was deleted.',
  },
  deleted: 'Your account is deleted',
  deletedNote: 'Within two minutes the link to Kakao ends as well. If you log in after that, you join as a new user.',
  receipt: { id: 'Receipt', at: 'Deleted' },

  drawer: 'Where is my token?',
  close: 'Close',
  memory: 'Access token',
  memoryPlace: 'In this tab’s memory',
  memoryNote: 'Short-lived, and gone when the tab is closed. It is never written to storage.',
  memoryNone: 'None right now',
  memorySome: (seconds) => `Present · expires in ${seconds} s`,
  link: 'Links',
  linkPlace: 'IndexedDB',
  linkNote: 'Random values that are sent with the cookie. Each renewal adds the next one. A cookie that is stolen without them is worthless.',
  linkSome: (number) => `Present · number ${number}`,
  storage: 'localStorage',
  storageNote: 'No tokens. Only a random ID for this browser’s session, and settings of this page.',
  storageEmpty: 'Empty',
  documentCookie: 'document.cookie',
  documentCookieNote: 'Cookies that scripts can read. The refresh token is HttpOnly, so it is not one of them.',
  cookie: 'Refresh token',
  cookiePlace: 'HttpOnly cookie',
  cookieNote: 'Only the server can read it. These are the names and lengths of the cookies that it just received.',
  cookieNone: 'The server received no cookie',
  developmentCookie:
    'This browser stores no Secure cookies over http. So the gateway on this computer, and no deployed API, took “__Host-Http-” off the cookie’s name and left out Secure.',
  bytes: (count) => `${count} bytes`,
  loading: 'Loading…',
  failed: 'Could not load',

  footer: 'Learn more',
  links: [
    ['/README.html#how-it-works', 'How it works'],
    ['/README.html#limits', 'Limits'],
    ['/docs/deployment.html', 'Deploy'],
    ['/README.html#quick-start', 'Quick start'],
    ['/curl', 'curl guide'],
  ],
  wrongOrigin: (url) => `Cookies and login work only at ${url}.`,
  openThere: 'Open it there',
  noConfig: 'Could not load the page’s settings (/demo.json). Is `make run` running?',

  source: { network: 'network', tab: 'other tab', page: 'this page', thief: 'other computer', service: 'other service' },
  error: (code, status) =>
    ({
      expired: 'Your session has ended. Please log in again.',
      denied: 'Login cancelled.',
      underage: 'Kakao does not let people under 14 log in to this service.',
      interaction: 'Kakao needs to ask you something. Please press the login button.',
      state: 'This login was not started in this browser. Please start again.',
      rejected: 'The login could not be confirmed. Please start again.',
      login_required: 'Please log in at Kakao again.',
      account_being_deleted: 'Your previous account is still being deleted. Log in again in a minute or two to join as a new user.',
      account_disabled: 'This account is disabled. Please contact us.',
      unavailable: status === 'anonymous' ? 'Can’t reach the server. Please log in again in a moment.' : 'Can’t reach the server; retrying.',
    })[code],
  step: ({ what, status }) => (what === 'refresh' ? (status === 200 ? 'refresh' : `refresh ${status ?? 'without response'}`) : `${status ?? 'no response'}`),
  stepRole: { call: 'first try', refresh: 'new token for cookie and link', retry: 'retry' },
  entry(entry) {
    switch (entry.kind) {
      case 'first-visit': return 'First visit · 0 requests';
      case 'checked': return 'Found no session';
      case 'exchanged': return `Code exchanged once · ${entry.isStrict ? 'StrictMode ran the effect twice' : 'logged in'}`;
      case 'resumed': return 'Session resumed with cookie and link';
      case 'handed-over': return 'Token handed over · 0 requests';
      case 'joined': return 'Login in another tab · 0 requests';
      case 'refreshed': return entry.via === 'tab' ? 'Received the token renewed in another tab · 0 requests' : 'Silent refresh → 200';
      case 'force-expired': return 'Token treated as expired';
      case 'expired': return 'The server ended the session';
      case 'failed': return this.error(entry.code, 'anonymous');
      case 'logged-out': return 'Logout in another tab';
      case 'sessions-changed': return 'Another tab logged out a device';
      case 'logging-out': return entry.everywhere ? 'Logged out everywhere' : 'Logged out';
      case 'logout-pending': return 'Logout not sent yet · will be sent once connected';
      case 'unavailable': return 'Can’t reach the server · retrying';
      case 'fault': return `“${this.fault[entry.fault]}” switched ${entry.on ? 'on' : 'off'}`;
      case 'clock': return `Server’s clock set ${ahead(entry.seconds, ' h', ' min', ' s')} ahead`;
      case 'keys-rotated': return 'Sent the command that rotates the signing key';
      case 'service': return `Another service ${entry.status === 200 ? 'accepted' : 'refused'} the access token → ${entry.status}`;
      case 'lost': return `Response ${entry.status} lost on the way`;
      case 'thief': return `Thief with ${entry.hasLinks ? 'cookie and links' : 'the cookie only'}: POST /auth/refresh → ${entry.status} ${entry.code ?? ''}`;
      case 'result': return flow(entry.steps, this);
      case 'trip': return `${entry.retry ? 'Retry ' : ''}${entry.method} ${entry.path} → ${entry.status ?? 'no response'}`;
    }
  },
};
