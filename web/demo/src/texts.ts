/** All texts of the page. TypeScript checks that English has each text that Korean has. */

import type { AuthErrorCode, AuthState } from 'kakao-login-web';
import type { Device } from './device.js';
import type { Entry, Source, Step } from './journal.js';

export type Language = 'ko' | 'en';

const ko = {
  title: '카카오 로그인 데모',
  language: '언어',
  hero: '서버 없이 운영하는 카카오 로그인',
  lead: '30초면 충분해요. 로그인하고, 토큰이 자동으로 갱신되는 모습을 보고, 일부러 고장도 내 보세요.',

  session: '내 세션',
  checking: '로그인 확인 중…',
  checkingLong: '서버가 응답할 때까지 로그인 상태를 유지해요.',
  anonymous: '로그인하지 않음',
  loggedIn: '로그인됨',
  offline: '연결 안 됨 · 로그인 유지',
  welcome: '로그인하고 시작하세요',
  standIn: '이 컴퓨터에서 실행 중인 모의 카카오 서버로 이동해요. 실제 카카오 계정은 쓰지 않아요.',
  realKakao: '카카오 로그인 화면으로 이동해요.',
  switching: '로그아웃한 뒤에는 카카오가 로그인을 다시 요청해요. 다른 계정으로도 로그인할 수 있어요.',
  login: '카카오 로그인',
  steps: '30초 둘러보기',
  stepList: [
    '카카오로 로그인하기',
    '토큰이 자동으로 갱신되는지 보기',
    'API를 20번 동시에 호출하기',
    '새 탭을 열고 로그아웃하기',
    '연결을 끊어 보기',
  ],

  noName: '이름 없음',
  picture: '프로필 사진',
  joined: (date: Date) => `${new Intl.DateTimeFormat('ko', { dateStyle: 'long' }).format(date)} 가입`,
  tokenLeft: '액세스 토큰 남은 시간',
  seconds: '초',
  renewed: '방금 자동으로 갱신했어요',
  renewsAt: (seconds: number) => `${seconds}초 남으면 자동으로 갱신돼요`,
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
  resultEmpty: '버튼을 누르면 요청 과정이 여기에 표시돼요.',
  resultNone: '보낸 요청이 없어요.',
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
  countersNote: '서버로 실제 전송된 요청만 집계해요.',
  rows: '기록',
  journalEmpty: '아직 기록이 없어요.',

  devices: '내 기기',
  devicesNote: '이 계정으로 로그인한 기기예요. 로그아웃시킨 기기는 다음 갱신 때 로그아웃돼요.',
  deviceCount: (count: number) => `${count}대`,
  showDevices: '기기 목록 보기',
  hideDevices: '기기 목록 닫기',
  endOthers: '다른 기기 모두 로그아웃',
  endDevice: (name: string) => `${name}에서 로그아웃`,
  endFailed: '로그아웃하지 못했어요. 잠시 뒤 다시 시도해 주세요.',
  thisDevice: '이 기기',
  lastUsed: (time: string) => `마지막 사용 ${time}`,
  device: ({ app, system }: Device): string => {
    const names: Record<string, string> = { kakaotalk: '카카오톡', naver: '네이버 앱', whale: '웨일', samsung: '삼성 인터넷', app: '앱' };
    return [app && (names[app] ?? app), system].filter(Boolean).join(' · ') || '알 수 없는 기기';
  },

  account: '내 계정',
  downloadData: '내 데이터 내려받기',
  downloadHint: '저장된 내용을 모두 파일로 받아요',
  download: { done: '내려받을 파일을 만들었어요.', failed: '데이터를 가져오지 못했어요. 잠시 뒤 다시 시도해 주세요.' },
  deleteAccount: '계정 삭제',
  deleteHint: '카카오 연결도 함께 끊어요',
  unlink: '카카오에서 연결 끊기',
  unlinkHint: '모의 카카오에서 끊으면 1분쯤 뒤 여기서도 로그아웃돼요',
  confirm: '계정을 삭제할까요?',
  confirmPoints: [
    '프로필이 바로 지워지고 모든 기기에서 로그아웃돼요.',
    '2분 안에 카카오와의 연결도 끊겨요. 그 뒤에 다시 로그인하면 새 사용자로 가입돼요.',
    '되돌릴 수 없어요. 필요하면 데이터를 먼저 내려받으세요.',
    '로그인한 지 10분이 넘었으면 카카오에서 한 번 더 로그인한 뒤에 삭제해요.',
  ],
  confirmDelete: '계정 삭제하기',
  cancel: '취소',
  deletion: {
    deleting: '계정을 삭제하는 중…',
    leaving: '본인 확인을 위해 카카오 로그인 화면으로 이동해요.',
    failed: '계정을 삭제하지 못했어요. 잠시 뒤 다시 시도해 주세요.',
    'other-user': '다른 계정으로 로그인해서 삭제하지 않았어요.',
  },
  deleted: '계정을 삭제했어요',
  deletedNote: '2분 안에 카카오와의 연결도 끊겨요. 그 뒤에 다시 로그인하면 새 사용자로 가입할 수 있어요.',
  receipt: { id: '접수 번호', at: '삭제 시각' },

  drawer: '내 토큰은 어디에 있나요?',
  close: '닫기',
  memory: '액세스 토큰',
  memoryPlace: '이 탭의 메모리',
  memoryNote: '수명이 짧고, 탭을 닫으면 사라져요. 저장소에는 쓰지 않아요.',
  memoryNone: '지금은 없음',
  memorySome: (seconds: number) => `있음 · ${seconds}초 뒤 만료`,
  link: '링크',
  linkPlace: 'IndexedDB',
  linkNote: '갱신할 때마다 쿠키와 함께 보내는 무작위 값이에요. 갱신하면 다음 링크로 넘어가요. 링크 없이 훔친 쿠키는 쓸모가 없어요.',
  linkSome: (number: number) => `있음 · ${number}번째`,
  storage: 'localStorage',
  storageNote: '토큰은 없어요. 이 브라우저의 세션을 나타내는 무작위 ID와 페이지 설정만 있어요.',
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

  source: { network: '네트워크', tab: '다른 탭', page: '이 페이지', thief: '다른 컴퓨터' } satisfies Record<Source, string>,
  error: (code: AuthErrorCode, status: AuthState['status']): string =>
    ({
      expired: '세션이 만료되어 로그아웃되었어요. 다시 로그인해 주세요.',
      denied: '로그인을 취소했어요.',
      underage: '만 14세 미만은 이 서비스에 로그인할 수 없어요.',
      interaction: '카카오에서 확인이 필요해요. 로그인 버튼을 눌러 주세요.',
      state: '이 브라우저에서 시작한 로그인이 아니에요. 로그인을 다시 시작해 주세요.',
      rejected: '로그인을 확인하지 못했어요. 로그인을 다시 시작해 주세요.',
      login_required: '카카오에서 다시 로그인해 주세요.',
      account_being_deleted: '이전 계정을 아직 삭제하고 있어요. 1~2분 뒤에 다시 로그인하면 새 사용자로 가입할 수 있어요.',
      unavailable:
        status === 'anonymous'
          ? '서버에 연결할 수 없어요. 잠시 뒤 다시 로그인해 주세요.'
          : '서버에 연결할 수 없어요. 자동으로 다시 시도해요.',
    })[code],
  step: ({ what, status }: Step): string => (what === 'refresh' ? (status === 200 ? '갱신' : `갱신 ${status ?? '응답 없음'}`) : `${status ?? '응답 없음'}`),
  stepRole: { call: '첫 요청', refresh: '쿠키와 링크로 새 토큰', retry: '재시도' },
  entry(entry: Entry): string {
    switch (entry.kind) {
      case 'first-visit': return '첫 방문 · 요청 0개';
      case 'checked': return '저장된 세션이 없음';
      case 'exchanged': return `인가 코드 한 번 교환 · ${entry.isStrict ? 'StrictMode가 effect를 두 번 실행함' : '로그인됨'}`;
      case 'resumed': return '쿠키와 링크로 세션을 이어감';
      case 'handed-over': return '토큰을 넘겨받음 · 요청 0개';
      case 'joined': return '다른 탭에서 로그인함 · 요청 0개';
      case 'refreshed': return entry.via === 'tab' ? '다른 탭이 갱신한 토큰을 받음 · 요청 0개' : '자동 갱신 → 200';
      case 'force-expired': return '토큰을 만료된 것으로 취급';
      case 'expired': return '서버가 세션을 끝냄';
      case 'failed': return this.error(entry.code, 'anonymous');
      case 'logged-out': return '다른 탭에서 로그아웃함';
      case 'sessions-changed': return '다른 탭에서 다른 기기를 로그아웃시킴';
      case 'logging-out': return entry.everywhere ? '모든 기기에서 로그아웃' : '로그아웃';
      case 'logout-pending': return '로그아웃을 아직 서버에 보내지 못함 · 연결되면 보냄';
      case 'unavailable': return '연결 안 됨 · 자동으로 다시 시도';
      case 'fault': return `‘${this.fault[entry.fault]}’ ${entry.on ? '켬' : '끔'}`;
      case 'clock': return `서버 시계를 ${entry.seconds < 3_600 ? `${entry.seconds}초` : `${entry.seconds / 3_600}시간`} 앞으로 돌림`;
      case 'lost': return `${entry.status} 응답이 오다가 사라짐`;
      case 'thief': return `도둑: ${entry.hasLinks ? '쿠키와 링크로' : '쿠키만으로'} POST /auth/refresh → ${entry.status} ${entry.code ?? ''}`;
      case 'result': return flow(entry.steps, this);
      case 'trip': return `${entry.retry ? '재시도 ' : ''}${entry.method} ${entry.path} → ${entry.status ?? '응답 없음'}`;
    }
  },
};

export type Texts = typeof ko;

const en: Texts = {
  title: 'Kakao Login demo',
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
  stepList: [
    'Log in with Kakao',
    'Watch the token renew',
    'Make 20 API calls at once',
    'Open a second tab, then log out',
    'Cut the connection',
  ],

  noName: 'No name',
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
  faultsNote: 'This happens only in this page; the server keeps working. Each switch also starts a renewal.',
  fault: { offline: 'Offline', unavailable: 'Auth server 503' },
  faultHint: { offline: 'Every request fails', unavailable: 'Login and renewal fail' },
  simulated: 'simulated',
  faultsBadge: 'Simulated',
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
  bytes: (count) => `${count} bytes`,
  loading: 'Loading…',
  failed: 'Could not load',

  footer: 'Learn more',
  links: { how: 'How it works', limits: 'Limits', deploy: 'Deploy', curl: 'curl guide' },
  wrongOrigin: (url) => `Cookies and login work only at ${url}.`,
  openThere: 'Open it there',
  noConfig: 'Could not load the page’s settings (/demo.json). Is `make run` running?',

  source: { network: 'network', tab: 'other tab', page: 'this page', thief: 'other computer' },
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
      case 'clock': return `Server’s clock set ${entry.seconds < 3_600 ? `${entry.seconds} s` : `${entry.seconds / 3_600} h`} ahead`;
      case 'lost': return `Response ${entry.status} lost on the way`;
      case 'thief': return `Thief with ${entry.hasLinks ? 'cookie and links' : 'the cookie only'}: POST /auth/refresh → ${entry.status} ${entry.code ?? ''}`;
      case 'result': return flow(entry.steps, this);
      case 'trip': return `${entry.retry ? 'Retry ' : ''}${entry.method} ${entry.path} → ${entry.status ?? 'no response'}`;
    }
  },
};

/** As in `20 × 401 → 1 × refresh → 20 × 200`. */
function flow(steps: Step[], texts: Texts): string {
  return steps.map((step) => `${step.count} × ${texts.step(step)}`).join(' → ');
}

export const TEXTS: Record<Language, Texts> = { ko, en };
