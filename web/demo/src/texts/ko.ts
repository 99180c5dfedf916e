/** The texts of the page in Korean. The other language has each of them. */

import type { AuthErrorCode, AuthState } from 'kakao-login-web';
import type { Device } from '../device.js';
import type { Fault } from '../faults.js';
import type { Entry, Source, Step } from '../journal.js';
import type { TourStep } from '../tour.js';
import { ahead, flow } from './flow.js';

export const ko = {
  title: '카카오 로그인 데모',
  description: '서버를 운영하지 않는 카카오 로그인을 직접 써 보세요. 토큰을 훔치고, 응답을 잃고, 서명 키를 바꿔도 로그인이 어떻게 되는지 볼 수 있어요.',
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
  stepList: {
    login: '카카오로 로그인하기',
    renew: '토큰이 자동으로 갱신되는지 보기',
    burst: 'API를 20번 동시에 호출하기',
    leave: '새 탭을 열고 로그아웃하기',
    break: '연결을 끊어 보기',
  } satisfies Record<TourStep, string>,

  done: '완료',
  progress: (done: number, of: number) => `${of}개 중 ${done}개`,

  noName: '이름 없음',
  noEmail: '이메일을 제공하지 않았어요',
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
  faultsNote: '오프라인만 이 페이지의 시뮬레이션이에요. 나머지는 서버에서 진짜로 고장을 내요. 스위치를 누르면 바로 갱신을 한 번 시도해요.',
  fault: { offline: '오프라인', auth: '인증 서버 503', kakao: '카카오 장애' } satisfies Record<Fault, string>,
  faultHint: {
    offline: '이 페이지의 모든 요청이 실패해요',
    auth: '로그인·갱신·로그아웃이 503을 받아요',
    kakao: '새 로그인만 실패하고 갱신은 잘돼요',
  } satisfies Record<Fault, string>,
  faultFailed: '서버에 연결할 수 없어서 바꾸지 못했어요.',
  simulated: '시뮬레이션',
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
  developmentCookie:
    '이 브라우저는 http에서 Secure 쿠키를 저장하지 않아요. 그래서 이 컴퓨터의 게이트웨이만 쿠키 이름에서 __Host-Http-를, 속성에서 Secure를 뺐어요. 배포한 API는 그렇게 하지 않아요.',
  bytes: (count: number) => `${count}바이트`,
  loading: '불러오는 중…',
  failed: '불러오지 못했어요',

  footer: '더 알아보기',
  links: [
    ['/docs/ko/how-it-works.html', '동작 원리'],
    ['/docs/ko/limits.html', '한계'],
    ['/docs/ko/deployment.html', '배포'],
    ['/docs/ko/quickstart.html', '빠른 시작'],
    ['/curl', 'curl 안내'],
  ],
  wrongOrigin: (url: string) => `쿠키와 로그인은 ${url} 에서만 동작해요.`,
  openThere: '그 주소로 열기',
  noConfig: '페이지 설정(/demo.json)을 불러오지 못했어요. `make run`이 켜져 있는지 확인해 주세요.',

  source: { network: '네트워크', tab: '다른 탭', page: '이 페이지', thief: '다른 컴퓨터', service: '다른 서비스' } satisfies Record<Source, string>,
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
      account_disabled: '이용이 정지된 계정이에요. 고객센터에 문의해 주세요.',
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
      case 'clock': return `서버 시계를 ${ahead(entry.seconds, '시간', '분', '초')} 앞으로 돌림`;
      case 'keys-rotated': return '서명 키를 교체하라고 명령함';
      case 'service': return `다른 서비스가 액세스 토큰을 ${entry.status === 200 ? '받아들임' : '거부함'} → ${entry.status}`;
      case 'lost': return `${entry.status} 응답이 오다가 사라짐`;
      case 'thief': return `도둑: ${entry.hasLinks ? '쿠키와 링크로' : '쿠키만으로'} POST /auth/refresh → ${entry.status} ${entry.code ?? ''}`;
      case 'result': return flow(entry.steps, this);
      case 'trip': return `${entry.retry ? '재시도 ' : ''}${entry.method} ${entry.path} → ${entry.status ?? '응답 없음'}`;
    }
  },
};

export type Texts = typeof ko;
