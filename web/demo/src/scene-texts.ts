/** Texts of the scenes about linked sessions. */

import type { Outcome, Scene, SceneStep } from './scenes.js';

export interface SceneTexts {
  title: string;
  note: string;
  loggedOut: string;
  again: string;
  name: Record<Scene, string>;
  hint: Record<Scene, string>;
  step: Record<SceneStep['name'], string>;
  noResponse: string;
  outcome: Record<Outcome, string>;
}

export const SCENE_TEXTS: Record<'ko' | 'en', SceneTexts> = {
  ko: {
    title: '훔치고 잃어버려 보기',
    note: '도둑의 요청은 진짜예요. 이 컴퓨터의 서버가 다른 컴퓨터인 척 보내요. 시간은 서버 시계를 앞으로 돌려서 흐르게 해요.',
    loggedOut: '로그인하면 해 볼 수 있어요.',
    again: '로그인하면 다시 해 볼 수 있어요.',
    name: {
      cookie: '쿠키만 훔치기',
      profile: '프로필을 통째로 베끼기',
      silence: '응답을 잃고 1시간 뒤에 돌아오기',
    },
    hint: {
      cookie: '쿠키만으로는 아무 쓸모가 없어요',
      profile: '다음 갱신 때 들켜요',
      silence: '탭을 닫아도 로그인이 유지돼요',
    },
    step: {
      'cookie-copied': '도둑이 리프레시 토큰 쿠키만 다른 컴퓨터로 베껴 갔어요.',
      'profile-copied': '도둑이 쿠키와 IndexedDB의 링크를 모두 베껴 갔어요.',
      pace: '링크는 15초에 한 번만 늘어나서, 서버 시계를 15초 앞으로 돌렸어요.',
      thief: '도둑이 베낀 것으로 토큰을 요청했어요.',
      'thief-again': '도둑이 다시 요청했어요.',
      log: '서버 로그에 경고가 남았어요: refresh_unlinked',
      owner: '나는 평소처럼 갱신했어요.',
      fork: '내가 갱신하자, 한 링크 뒤에 서로 다른 링크가 두 개 이어졌어요.',
      lost: '서버가 갱신에 응답했지만, 응답이 오다가 사라지고 연결도 끊겼어요.',
      hour: '탭을 닫은 채 서버 시계로 1시간이 지났어요.',
      back: '페이지를 다시 열자 저장해 둔 같은 링크로 다시 요청했어요.',
    },
    noResponse: '응답 없음',
    outcome: {
      worthless: '훔친 쿠키는 쓸모가 없었고, 나는 아무 일도 없었어요.',
      found: '들켰어요. 서버가 세션을 끝내서 나도 도둑도 로그아웃됐어요.',
      'still-in': '아직 로그인되어 있어요.',
      unlinked: '이 세션에는 링크가 없어요. 브라우저가 IndexedDB를 막으면 예전처럼 토큰이 교체돼요.',
      unexpected: '예상과 다르게 끝났어요. ‘일어난 일’ 기록을 확인해 주세요.',
      failed: '서버에 연결할 수 없어서 멈췄어요.',
    },
  },
  en: {
    title: 'Steal it, lose it',
    note: 'The thief’s requests are real: the server on this computer sends them as another computer would. Time passes by setting the server’s clock ahead.',
    loggedOut: 'Log in to play.',
    again: 'Log in to play again.',
    name: {
      cookie: 'Steal only the cookie',
      profile: 'Copy the whole profile',
      silence: 'Lose the response, come back in an hour',
    },
    hint: {
      cookie: 'Worthless without its links',
      profile: 'Found at your next refresh',
      silence: 'Close the tab and stay logged in',
    },
    step: {
      'cookie-copied': 'A thief copied only the cookie with your refresh token to another computer.',
      'profile-copied': 'A thief copied your cookie and the links in IndexedDB.',
      pace: 'The server’s clock went 15 s ahead, because links are added at most every 15 s.',
      thief: 'The thief asked for a token with the copy.',
      'thief-again': 'The thief asked again.',
      log: 'The server logged a warning: refresh_unlinked',
      owner: 'You refreshed as always.',
      fork: 'You refreshed, and now two different links followed the same one.',
      lost: 'The server responded to your refresh, but the response was lost, and the connection too.',
      hour: 'The tab was closed, and the server’s clock went an hour ahead.',
      back: 'The page was opened again, and repeated its request with the same stored link.',
    },
    noResponse: 'no response',
    outcome: {
      worthless: 'The stolen cookie was worthless, and you noticed nothing.',
      found: 'Found. The server ended the session: you and the thief are both out.',
      'still-in': 'You are still logged in.',
      unlinked: 'This session has no links. Where a browser refuses IndexedDB, tokens rotate instead.',
      unexpected: 'This did not end as it should. Please look at “What happened”.',
      failed: 'Could not reach the server, so the scene stopped.',
    },
  },
};
