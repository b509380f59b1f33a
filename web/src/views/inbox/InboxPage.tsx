export function InboxPage() {
  return <div className="page"><h1>Inbox</h1></div>;
}
