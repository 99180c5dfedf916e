//! All words of the page. Korean comes first; English has to have the same ones.

import type { AuthErrorCode, AuthState } from 'kakao-login-web';
import type { Entry, Source, Step } from './journal.js';

export type Language = 'ko' | 'en';

const ko = {
  title: '카카오 로그인 데모',
  language: '언어',
  hero: '서버 없이 운영하는 카카오 로그인',
  lead: '30초면 충분해요. 로그인하고, 토큰이 스스로 갱신되는 모습을 보고, 일부러 고장도 내 보세요.',

  session: '내 세션',
  checking: '로그인 확인 중…',
  checkingLong: '서버가 답할 때까지 로그인 상태를 그대로 둡니다.',
  anonymous: '로그인하지 않음',
  signedIn: '로그인됨',
  offline: '연결 안 됨 · 로그인 유지',
  welcome: '로그인하고 시작하세요',
  standIn: '이 컴퓨터에 있는 카카오 대역으로 이동해요. 실제 카카오 계정은 쓰지 않아요.',
  realKakao: '카카오 로그인 화면으로 이동해요.',
  switching: '로그아웃한 뒤에는 카카오가 로그인을 다시 요청해요. 다른 계정으로도 로그인할 수 있어요.',
  login: '카카오 로그인',
  leaving: '이동 중…',
  steps: '30초 순서',
  stepList: [
    '카카오로 로그인하기',
    '토큰이 저절로 갱신되는지 보기',
    'API를 20번 동시에 호출하기',
    '새 탭을 열고 로그아웃하기',
    '연결을 끊어 보기',
  ],

  noName: '이름 없음',
  picture: '프로필 사진',
  joined: (date: Date) => `${new Intl.DateTimeFormat('ko', { dateStyle: 'long' }).format(date)} 가입`,
  tokenLeft: '액세스 토큰 남은 시간',
  seconds: '초',
  renewed: '방금 조용히 갱신했어요',
  renewsAt: (seconds: number) => `${seconds}초 남으면 저절로 갱신돼요`,
  onDemand: '다음 요청 때 갱신해요',
  waiting: '연결되면 갱신해요',
  whereIsIt: '내 토큰은 어디에 있나요?',
  logout: '로그아웃',
  logoutEverywhere: '모든 기기에서 로그아웃',

  actions: 'API 호출해 보기',
  call: 'API 호출',
  callHint: '내 프로필을 한 번 가져와요',
  expireAndCall: '토큰 강제 만료 후 호출',
  expireAndCallHint: '401을 받으면 갱신하고 재시도해요',
  twenty: '강제 만료 후 20개 동시 호출',
  twentyHint: '20개가 함께 실패해도 갱신은 한 번',
  newTab: '새 탭 열기',
  newTabHint: '요청 없이 바로 로그인돼요',
  opensTab: '(새 탭에서 열림)',
  result: '결과',
  resultEmpty: '버튼을 누르면 요청이 어떻게 흘러갔는지 여기에 나와요.',
  resultNone: '나간 요청이 없어요.',
  simulatedNote: '만료와 401은 이 페이지의 시뮬레이션이고, 갱신과 재시도는 실제 요청이에요.',

  faults: '고장 내 보기',
  faultsNote: '이 페이지에서만 일어나는 일이고 서버는 멀쩡해요. 스위치를 누르면 바로 갱신을 한 번 시도해요.',
  fault: { offline: '오프라인', unavailable: '인증 서버 503' },
  faultHint: { offline: '모든 요청이 실패해요', unavailable: '로그인·갱신이 실패해요' },
  simulated: '시뮬레이션',
  faultsBadge: '시뮬레이션',
  upTo: (ms: number) => `최대 ${ms} ms`,

  journal: '일어난 일',
  counters: { refreshes: '갱신', retries: '재시도', requests: 'API 요청' },
  countersNote: '서버로 실제로 나간 요청만 세어요.',
  rows: '기록',
  journalEmpty: '아직 아무 일도 없었어요.',

  drawer: '내 토큰은 어디에 있나요?',
  close: '닫기',
  memory: '액세스 토큰',
  memoryPlace: '이 탭의 메모리',
  memoryNote: '수명이 짧고, 탭을 닫으면 사라져요. 저장소에는 쓰지 않아요.',
  memoryNone: '지금은 없음',
  memorySome: (seconds: number) => `있음 · ${seconds}초 뒤 만료`,
  storage: 'localStorage',
  storageNote: '토큰은 없어요. 이 브라우저에 세션이 있다는 무작위 표시와 페이지 설정뿐이에요.',
  storageEmpty: '비어 있음',
  documentCookie: 'document.cookie',
  documentCookieNote: '스크립트가 볼 수 있는 쿠키예요. 리프레시 토큰은 HttpOnly라서 보이지 않아요.',
  cookie: '리프레시 토큰',
  cookiePlace: 'HttpOnly 쿠키',
  cookieNote: '서버만 볼 수 있어요. 아래는 방금 서버가 받은 쿠키의 이름과 길이예요.',
  cookieNone: '서버가 받은 쿠키가 없음',
  bytes: (count: number) => `${count}바이트`,
  loading: '불러오는 중…',
  failed: '불러오지 못했어요',

  footer: '더 알아보기',
  links: { how: '동작 원리', limits: '한계', deploy: '배포', curl: 'curl 안내' },
  wrongOrigin: (url: string) => `쿠키와 로그인은 ${url} 에서만 동작해요.`,
  openThere: '그 주소로 열기',
  noConfig: '페이지 설정(/demo.json)을 불러오지 못했어요. `make run`이 켜져 있는지 확인해 주세요.',

  source: { network: '네트워크', tab: '다른 탭', page: '이 페이지' } satisfies Record<Source, string>,
  error: (code: AuthErrorCode, status: AuthState['status']): string =>
    ({
      expired: '세션이 만료되어 로그아웃되었어요. 다시 로그인해 주세요.',
      denied: '로그인을 취소했어요.',
      underage: '만 14세 미만은 이 서비스에 로그인할 수 없어요.',
      interaction: '카카오에서 확인이 필요해요. 로그인 버튼을 눌러 주세요.',
      state: '이 브라우저에서 시작한 로그인이 아니에요. 로그인을 다시 시작해 주세요.',
      rejected: '로그인을 확인하지 못했어요. 로그인을 다시 시작해 주세요.',
      unavailable:
        status === 'anonymous'
          ? '서버에 연결할 수 없어요. 잠시 뒤 다시 로그인해 주세요.'
          : '서버에 연결할 수 없어요. 자동으로 다시 시도해요.',
    })[code],
  step: ({ what, status }: Step): string => (what === 'refresh' ? (status === 200 ? '갱신' : `갱신 ${status ?? '무응답'}`) : `${status ?? '무응답'}`),
  stepRole: { call: '첫 요청', refresh: '쿠키로 새 토큰', retry: '재시도' },
  entry(entry: Entry): string {
    switch (entry.kind) {
      case 'first-visit': return '첫 방문 · 요청 0개';
      case 'checked': return '세션 없음을 확인함';
      case 'exchanged': return `인가 코드 한 번 교환 · ${entry.isStrict ? 'StrictMode가 효과를 두 번 실행했음' : '로그인됨'}`;
      case 'resumed': return '쿠키로 세션을 이어 감';
      case 'handed-over': return '토큰을 넘겨받음 · 요청 0개';
      case 'joined': return '다른 탭에서 로그인함 · 요청 0개';
      case 'refreshed': return entry.via === 'tab' ? '다른 탭이 갱신한 토큰을 받음 · 요청 0개' : '조용한 갱신 → 200';
      case 'force-expired': return '토큰을 만료된 것으로 취급';
      case 'expired': return '서버가 세션을 끝냄';
      case 'failed': return this.error(entry.code, 'anonymous');
      case 'signed-out': return '다른 탭에서 로그아웃함';
      case 'signing-out': return entry.everywhere ? '모든 기기에서 로그아웃' : '로그아웃';
      case 'owed': return '로그아웃을 서버에 아직 못 알림 · 연결되면 알림';
      case 'unavailable': return '연결 안 됨 · 자동으로 다시 시도';
      case 'fault': return `‘${this.fault[entry.fault]}’ ${entry.on ? '켬' : '끔'}`;
      case 'result': return flow(entry.steps, this);
      case 'trip': return `${entry.retry ? '재시도 ' : ''}${entry.method} ${entry.path} → ${entry.status ?? '무응답'}`;
    }
  },
};

export type Texts = typeof ko;

const en: Texts = {
  title: 'Kakao Login demo',
  language: 'Language',
  hero: 'Kakao Login, without a server to keep',
  lead: 'It takes thirty seconds: sign in, watch the token renew itself, then break something on purpose.',

  session: 'My session',
  checking: 'Checking session…',
  checkingLong: 'Nobody is signed out until the server has said so.',
  anonymous: 'Not signed in',
  signedIn: 'Signed in',
  offline: 'Offline · still signed in',
  welcome: 'Log in to begin',
  standIn: 'This leads to a stand-in for Kakao on this computer. No real Kakao account is used.',
  realKakao: 'This leads to Kakao’s login page.',
  switching: 'After a logout, Kakao asks you to log in again. Any account will do.',
  login: 'Login with Kakao',
  leaving: 'On the way…',
  steps: 'The thirty seconds',
  stepList: [
    'Log in with Kakao',
    'Watch the token renew',
    '20 API calls at once',
    'Second tab, then log out',
    'Cut the connection',
  ],

  noName: 'No name',
  picture: 'Profile picture',
  joined: (date) => `Joined ${new Intl.DateTimeFormat('en', { dateStyle: 'medium' }).format(date)}`,
  tokenLeft: 'Token expires in',
  seconds: 's',
  renewed: 'Renewed silently just now',
  renewsAt: (seconds) => `Renews itself with ${seconds} s to go`,
  onDemand: 'Renews with the next request',
  waiting: 'Renews once connected',
  whereIsIt: 'Where is my token?',
  logout: 'Log out',
  logoutEverywhere: 'Log out everywhere',

  actions: 'Call the API',
  call: 'Call API',
  callHint: 'Fetches my profile once',
  expireAndCall: 'Force expiry, then call',
  expireAndCallHint: 'A 401, a renewal, a retry',
  twenty: 'Force expiry, then 20 at once',
  twentyHint: 'Twenty fail, one renewal',
  newTab: 'Open 2nd tab',
  newTabHint: 'Signed in with 0 requests',
  opensTab: '(opens in a new tab)',
  result: 'Result',
  resultEmpty: 'Press a button, and the way of its requests appears here.',
  resultNone: 'No request was sent.',
  simulatedNote: 'Expiry and its 401 are simulated in this page. The renewal and the retries are real requests.',

  faults: 'Break something',
  faultsNote: 'It happens in this page only; the server is fine. A renewal is tried as you flip a switch.',
  fault: { offline: 'Offline', unavailable: 'Auth server 503' },
  faultHint: { offline: 'Every request fails', unavailable: 'Login and renewal fail' },
  simulated: 'simulated',
  faultsBadge: 'Simulated',
  upTo: (ms) => `up to ${ms} ms`,

  journal: 'What happened',
  counters: { refreshes: 'Refreshes', retries: 'Retries', requests: 'API requests' },
  countersNote: 'Only requests that really went to the server count.',
  rows: 'Entries',
  journalEmpty: 'Nothing yet.',

  drawer: 'Where is my token?',
  close: 'Close',
  memory: 'Access token',
  memoryPlace: 'Memory of this tab',
  memoryNote: 'Short-lived, and gone with the tab. It is written to no storage.',
  memoryNone: 'None at present',
  memorySome: (seconds) => `Present · expires in ${seconds} s`,
  storage: 'localStorage',
  storageNote: 'No token. Only a random mark that this browser has a session, and settings of the page.',
  storageEmpty: 'Empty',
  documentCookie: 'document.cookie',
  documentCookieNote: 'Cookies that scripts can see. The refresh token is HttpOnly, so it is not among them.',
  cookie: 'Refresh token',
  cookiePlace: 'HttpOnly cookie',
  cookieNote: 'Only the server can see it. These are the names and lengths of the cookies it got just now.',
  cookieNone: 'The server got no cookie',
  bytes: (count) => `${count} bytes`,
  loading: 'Loading…',
  failed: 'Could not be loaded',

  footer: 'Read on',
  links: { how: 'How it works', limits: 'Limits', deploy: 'Deploy', curl: 'curl guide' },
  wrongOrigin: (url) => `Cookies and the login work at ${url} only.`,
  openThere: 'Open it there',
  noConfig: 'The page’s settings (/demo.json) could not be loaded. Is `make run` running?',

  source: { network: 'network', tab: 'other tab', page: 'this page' },
  error: (code, status) =>
    ({
      expired: 'Your session ended. Please log in again.',
      denied: 'Login cancelled.',
      underage: 'Kakao does not let people under 14 log in to this service.',
      interaction: 'Kakao needs to ask you something. Please press the login button.',
      state: 'That login did not begin in this browser. Please start again.',
      rejected: 'The login could not be confirmed. Please start again.',
      unavailable: status === 'anonymous' ? 'Can’t reach the server. Please log in again in a moment.' : 'Can’t reach the server; retrying.',
    })[code],
  step: ({ what, status }) => (what === 'refresh' ? (status === 200 ? 'refresh' : `refresh ${status ?? 'unanswered'}`) : `${status ?? 'no answer'}`),
  stepRole: { call: 'first try', refresh: 'new token by cookie', retry: 'retry' },
  entry(entry) {
    switch (entry.kind) {
      case 'first-visit': return 'First visit · 0 requests';
      case 'checked': return 'Found no session';
      case 'exchanged': return `Code exchanged once · ${entry.isStrict ? 'StrictMode ran the effect twice' : 'signed in'}`;
      case 'resumed': return 'Session resumed by the cookie';
      case 'handed-over': return 'Token handed over · 0 requests';
      case 'joined': return 'Signed in by another tab · 0 requests';
      case 'refreshed': return entry.via === 'tab' ? 'Got the token another tab renewed · 0 requests' : 'Silent refresh → 200';
      case 'force-expired': return 'Token treated as expired';
      case 'expired': return 'The server ended the session';
      case 'failed': return this.error(entry.code, 'anonymous');
      case 'signed-out': return 'Logged out by another tab';
      case 'signing-out': return entry.everywhere ? 'Logged out everywhere' : 'Logged out';
      case 'owed': return 'Log-out not delivered yet · will be once connected';
      case 'unavailable': return 'Can’t reach the server · retrying';
      case 'fault': return `“${this.fault[entry.fault]}” switched ${entry.on ? 'on' : 'off'}`;
      case 'result': return flow(entry.steps, this);
      case 'trip': return `${entry.retry ? 'Retry ' : ''}${entry.method} ${entry.path} → ${entry.status ?? 'no answer'}`;
    }
  },
};

/** As in `20 × 401 → 1 × refresh → 20 × 200`. */
function flow(steps: Step[], texts: Texts): string {
  return steps.map((step) => `${step.count} × ${texts.step(step)}`).join(' → ');
}

export const TEXTS: Record<Language, Texts> = { ko, en };
