export function GET(request) {
  return Response.json({ user: request.headers.get("x-auth-user-id") });
}
