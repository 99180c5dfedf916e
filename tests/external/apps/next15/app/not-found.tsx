export default function NotFound() {
  return <h1 id="page">not found</h1>;
}
