//! `sidgate legacy scan`: a team finds what is left of its legacy cookies.

use std::fs;
use std::path::Path;

use super::output;

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn application() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "lib/names.ts", "export const KEYS = {\n  SESSION: 'dott_auth_session',\n};\n");
    write(root, "app/page.tsx", "const s = (await cookies()).get(KEYS.SESSION);\nconst email = user.email;\n");
    write(root, "middleware.js", "if (req.cookies.get('session_token')) {}\nreq.cookies.get('theme');\n");
    write(root, "backend/views.py", "def me(request):\n    return request.COOKIES.get('session_token')\n");
    for skipped in ["node_modules/x/index.js", ".next/server/app.js", ".git/hooks/x", "own/generated/y.js"] {
        write(root, skipped, "cookies().get('session_token')\n");
    }
    write(root, "logo.png", "\0cookies().get('session_token')");
    write(root, "huge.js", &"cookies().get('session_token');\n".repeat(80_000));
    folder
}

#[test]
fn what_is_left_is_listed_by_cookie_with_file_and_line_and_the_exit_code_says_that_there_is_some() {
    let folder = application();
    let elsewhere = tempfile::tempdir().unwrap();
    write(elsewhere.path(), "a.js", "cookies().get('session_token')\n");
    std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("link")).unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("round")).unwrap();
    let dir = folder.path().to_str().unwrap();
    let (code, out, error) = output(&["legacy", "scan", dir, "--skip", "generated"]);
    assert_eq!((code, error.as_str()), (1, ""), "{out}");
    let lines: Vec<&str> = out.lines().map(str::trim).collect();
    assert_eq!(lines[0], "dott_auth_session (2)");
    assert!(lines[1].starts_with("app/page.tsx:1") && lines[1].contains("reads    const s ="), "{out}");
    assert!(lines[2].starts_with("lib/names.ts:2") && lines[2].contains("names"), "{out}");
    assert_eq!(lines[4], "session_token (2)");
    assert!(lines[5].starts_with("backend/views.py:2") && lines[6].starts_with("middleware.js:1"), "{out}");
    assert!(out.contains("note: left out:") && out.contains("huge.js: larger than 2 MiB"), "{out}");
    assert!(out.ends_with("4 places, 2 cookies (4 files)\n"), "{out}");
}

#[test]
fn a_program_gets_json_and_0_when_nothing_is_left() {
    let folder = application();
    let dir = folder.path().to_str().unwrap();
    let (code, out, _) =
        output(&["legacy", "scan", dir, "--format", "json", "--skip", "own", "--name", "session_token"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, json["uses"].as_array().unwrap().len()), (1, 2));
    let first = &json["uses"][0];
    assert_eq!((first["file"].as_str(), first["line"].as_u64()), (Some("backend/views.py"), Some(2)));
    assert_eq!((first["what"].as_str(), first["how"].as_str()), (Some("reads"), Some("request.COOKIES.get")));
    let (code, out, _) = output(&["legacy", "scan", dir, "--name", "long_gone"]);
    assert!(code == 0 && out.contains("nothing reads or sets legacy cookies any more"), "{out}");
    let (code, out, error) = output(&["legacy", "scan", "/nowhere"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(error.contains("/nowhere is no folder"), "{error}");
}

/// Secrets of carriers are not there where an application is built.
#[test]
fn the_configuration_names_the_cookies_and_no_secret_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "src/a.js", "cookies().get('shop_session'); cookies().get('session_token')\n");
    let config = "[legacy]\nenabled = true\nclear = [\"shop_*\"]\n[[legacy.carrier]]\nname = \"shop\"\n\
                  cookies = [\"shop_session\"]\nformat = \"jwe\"\nkey = \"${NOT_SET_HERE}\"\n";
    write(folder.path(), "gateway.toml", config);
    let (dir, config) = (folder.path().join("src"), folder.path().join("gateway.toml"));
    let (code, out, error) = output(&["legacy", "scan", dir.to_str().unwrap(), "--config", config.to_str().unwrap()]);
    assert_eq!(code, 1, "{out}{error}");
    assert!(out.contains("shop_session (1)") && !out.contains("session_token (1)"), "{out}");
}

/// What clears cookies goes through a list mostly, and nothing there is named after cookies.
#[test]
fn lists_and_short_constants_of_a_file_that_is_about_cookies_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let source = "const KEY = 'appSession';\nexport const all = () => req.cookies.get(KEY);\n\
                  const ALL = ['session_token', \"onboardingStep\"];\nALL.forEach((n) => Cookies.remove(n));\n\
                  for (const n of ['tenantId']) document.cookie = `${n}=; Max-Age=0`;\n\
                  const N = { session: 'dott_auth_session' };\ncookies().get(N.session);\n";
    write(folder.path(), "clear.js", source);
    write(folder.path(), "form.js", "const FIELDS = ['email', 'role'];\nconst KEY = 'userId';\n");
    let (code, out, _) = output(&["legacy", "scan", folder.path().to_str().unwrap()]);
    for name in ["appSession (2)", "session_token (1)", "onboardingStep (1)", "tenantId (1)", "dott_auth_session (2)"] {
        assert!(out.contains(name), "{name}: {out}");
    }
    assert!(code == 1 && !out.contains("form.js"), "{out}");
}
