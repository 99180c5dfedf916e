/** The server has to answer Kakao's redirect with something. */
export default function Callback() {
  return <h1 id="page">logging in</h1>;
}
