export function SignInPage() {
  return <div className="page"><h1>SignIn</h1></div>;
}
