/** The texts of the scenes in Korean. */

import type { Outcome, Scene, SceneStep } from '../scenes.js';

export type Stands = 'in' | 'out' | 'copy' | 'token' | 'nothing' | 'accepts' | 'refuses';

export interface SceneTexts {
  title: string;
  note: string;
  loggedOut: string;
  again: string;
  name: Record<Scene, string>;
  hint: Record<Scene, string>;
  /** The columns of two who act at once. */
  side: Record<'owner' | 'thief' | 'service', string>;
  stands: Record<Stands, string>;
  step: Record<SceneStep['name'], string>;
  key: string;
  noResponse: string;
  outcome: Record<Outcome, string>;
}

export const scenesKo: SceneTexts = {
  title: '훔치고, 잃어버리고, 바꿔 보기',
  note: '도둑과 다른 서비스의 요청은 진짜예요. 이 컴퓨터의 서버가 다른 컴퓨터인 척 보내요. 시간은 서버 시계를 앞으로 돌려서 흐르게 해요.',
  loggedOut: '로그인하면 해 볼 수 있어요.',
  again: '로그인하면 다시 해 볼 수 있어요.',
  name: {
    cookie: '쿠키만 훔치기',
    profile: '쿠키와 링크를 모두 훔치기',
    silence: '응답을 잃고 탭을 닫았다가 1시간 뒤에 돌아오기',
    keys: '서명 키를 지금 교체하기',
  },
  hint: {
    cookie: '링크가 없으면 쓸모가 없어요',
    profile: '다음 갱신 때 들켜서 둘 다 로그아웃돼요',
    silence: '그래도 로그인이 유지돼요',
    keys: '아무도 로그아웃되지 않아요',
  },
  side: { owner: '나', thief: '도둑', service: '다른 서비스' },
  stands: {
    in: '로그인됨', out: '로그아웃됨', copy: '베낀 것을 가짐', token: '토큰을 받음', nothing: '아무것도 못 얻음', accepts: '토큰을 받아들임', refuses: '토큰을 거부함',
  },
  step: {
    'cookie-copied': '리프레시 토큰 쿠키만 다른 컴퓨터로 베껴 갔어요.',
    'profile-copied': '쿠키와 IndexedDB의 링크를 모두 베껴 갔어요.',
    pace: '링크는 15초에 한 번만 늘어나서, 서버 시계를 15초 앞으로 돌렸어요.',
    thief: '베낀 것으로 토큰을 요청했어요.',
    'thief-again': '다시 요청했어요.',
    log: '서버 로그에 남은 줄이에요.',
    owner: '평소처럼 갱신했어요.',
    fork: '갱신하자 한 링크 뒤에 서로 다른 링크가 두 개 이어졌어요.',
    lost: '서버가 갱신에 응답했지만, 응답이 오다가 사라지고 연결도 끊겼어요.',
    hour: '탭을 닫은 채 서버 시계로 1시간이 지났어요.',
    back: '페이지를 다시 열자 저장해 둔 같은 링크로 다시 요청했어요.',
    'key-before': '지금 키로 서명한 토큰이 있어요.',
    accepts: '공개 키를 캐시해 두고 토큰을 검증했어요.',
    published: '새 키를 만들어 공개했어요. 아직 서명에는 쓰지 않아요.',
    'key-same': '1시간 뒤에도 새 토큰을 예전 키로 서명해요.',
    'keys-cached': '캐시해 둔 키로 검증했어요.',
    active: '모든 캐시에 새 키가 들어갈 만큼 시간이 지났어요. (2시간 31분)',
    'key-after': '이제 새 토큰을 새 키로 서명해요.',
    'accepts-new': '그사이 새로 받아 둔 공개 키로 검증했어요.',
  },
  key: '키',
  noResponse: '응답 없음',
  outcome: {
    worthless: '훔친 쿠키는 쓸모가 없었고, 나는 아무 일도 없었어요.',
    found: '들켰어요. 서버가 세션을 끝내서 나도 도둑도 로그아웃됐어요.',
    'still-in': '아직 로그인되어 있어요.',
    rotated: '키가 바뀌는 동안 아무도 로그아웃되지 않았고, 다른 서비스도 토큰을 계속 받아들였어요.',
    unlinked: '이 세션에는 링크가 없어요. 브라우저가 IndexedDB를 막으면 예전처럼 토큰이 교체돼요.',
    unexpected: '예상과 다르게 끝났어요. ‘일어난 일’ 기록을 확인해 주세요.',
    failed: '서버에 연결할 수 없어서 멈췄어요.',
  },
};
