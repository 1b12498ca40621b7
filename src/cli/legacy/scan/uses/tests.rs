use super::*;

fn found(source: &str) -> Vec<String> {
    let legacy = crate::config::Legacy::default();
    let names = Names::new(&legacy.clear, &legacy.keep);
    let (uses, _) = find(source, &names);
    uses.iter().map(|one| format!("{} {} {} {}", one.line, one.name, one.what.as_str(), one.how)).collect()
}

#[test]
fn every_common_way_is_found() {
    let mut missed = String::new();
    for (source, expected) in [
        ("cookies().get('session_token')", "session_token reads cookies().get"),
        ("(await cookies()).get(\"appSession\")?.value", "appSession reads (await cookies()).get"),
        ("const store = await cookies();\nstore.get('email')", "email reads store.get"),
        ("const cookieStore = cookies()\n cookieStore\n  .has('role')", "role reads cookieStore.has"),
        ("request.cookies.get('dott_auth_session')", "dott_auth_session reads request.cookies.get"),
        ("response.cookies.set({\n  name: 'session_token',\n  value })", "session_token sets response.cookies.set"),
        ("response.cookies.set('tenantId', id, { path: '/' })", "tenantId sets response.cookies.set"),
        ("req.cookies['onboardingStep']", "onboardingStep reads req.cookies"),
        ("req.cookies.userId", "userId reads req.cookies"),
        ("req.cookies?.userId", "userId reads req.cookies"),
        ("const { user_data, x } = req.cookies;", "user_data reads req.cookies"),
        ("Cookies.get('userEmail')", "userEmail reads Cookies.get"),
        ("Cookies.remove('authToken')", "authToken deletes Cookies.remove"),
        ("getCookie('businessName')", "businessName reads getCookie"),
        ("setCookie(res, 'businessType', kind)", "businessType sets setCookie"),
        ("useCookies(['setupProgress'])", "setupProgress reads useCookies"),
        ("document.cookie = `idToken=${token}; path=/`", "idToken sets document.cookie"),
        ("document.cookie.match(/accessToken=([^;]+)/)", "accessToken reads document.cookie"),
        (
            "document.cookie.split('; ')\n  .find(row => row.startsWith('hasSession='))",
            "hasSession reads document.cookie",
        ),
        ("res.setHeader('Set-Cookie', 'session_token=; Max-Age=0')", "session_token sets Set-Cookie"),
        ("headers: { Cookie: `session_token=${id}` }", "session_token sets Cookie"),
        ("cookies.find(c => c.name === 'x'); cookie.name === 'appSession'", "appSession reads cookie.name"),
        (
            "const COOKIES_TO_CLEAR = [\n  'theme',\n  'payment_completed',\n]",
            "payment_completed names COOKIES_TO_CLEAR",
        ),
        ("const COOKIE_NAMES: string[] = ['paymentId']", "paymentId names COOKIE_NAMES"),
        ("export const SESSION_COOKIE = '__session'", "__session names SESSION_COOKIE"),
        ("cookies().get('__session__0')", "__session reads cookies().get"),
        (
            "cookies().get('CognitoIdentityServiceProvider.abc.LastAuthUser')",
            "CognitoIdentityServiceProvider.abc.LastAuthUser reads cookies().get",
        ),
        ("request.COOKIES.get(\"session_token\")", "session_token reads request.COOKIES.get"),
        ("request.COOKIES['session_token']", "session_token reads request.COOKIES"),
        ("response.set_cookie(\n    key='session_token',\n", "session_token sets response.set_cookie"),
        ("response.delete_cookie('role')", "role deletes response.delete_cookie"),
    ] {
        let found = found(source);
        if found.len() != 1 || found[0].split_once(' ').unwrap().1 != expected {
            missed.push_str(&format!("{source}\n  found    {found:?}\n  expected {expected}\n"));
        }
    }
    assert_eq!(missed, "");
}

#[test]
fn the_same_words_elsewhere_are_not() {
    for source in [
        "const email = user.email;",
        "<input name=\"email\" role=\"textbox\" />",
        "fetch('/api/users', { body: JSON.stringify({ email, 'role': role }) })",
        "if (hasCookie) {\n  const field = 'email';\n  send('role');\n}",
        "// cookies().get('session_token') was here",
        "cookies().get('theme')",
        "store(cookie).send('role')",
        "test(async () => {\n  const email = await signsUp();\n  const { value } = await visitor.cookie();\n});",
        "cookies().get('session_tokens')",
        "localStorage.getItem('accessToken')",
        "params.get('tenantId')",
        "class Tenant:\n    tenant_id = models.UUIDField()\n    email = 'email'",
    ] {
        assert_eq!(found(source), Vec::<String>::new(), "{source}");
    }
}

#[test]
fn a_constant_leads_to_where_it_is_used() {
    let legacy = crate::config::Legacy::default();
    let names = Names::new(&legacy.clear, &legacy.keep);
    let (uses, constants) = find("export const NAMES = { SESSION: 'session_token', mail: 'email' }", &names);
    assert_eq!((uses.len(), constants.len()), (0, 1), "`mail` is too common a word");
    let by_name = BTreeMap::from([(constants[0].constant.as_str(), "session_token")]);
    let used = of_constants("const s = cookies().get(NAMES.SESSION)\nconsole.log(NAMES.SESSION)", &by_name);
    assert_eq!(used.len(), 1);
    assert_eq!((used[0].1.line, used[0].1.how.as_str()), (1, "cookies().get(SESSION)"));
}

proptest::proptest! {
    #[test]
    fn any_text_is_read(source in "[a-z(){}\\[\\]'\"`=.:;\\n é]{0,80}(cookies|role|email)[(){}\\[\\]'\"=. é]{0,20}(role|email)?['\"=)\\]]{0,4}") {
        let _ = found(&source);
        let _ = of_constants(&source, &BTreeMap::from([("role", "role"), ("email", "email")]));
    }
}
