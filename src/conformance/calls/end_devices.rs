//! Ending one device, the others, all.

use serde_json::json;

use super::super::check::{Check, Done, check};
use super::super::suite::Suite;

pub(super) const CHECKS: &[Check] = &[
    check!("end-device.one", "DELETE by-public-id/{public_id}/ -> 200 {\"revoked\":[public_id]}", one),
    check!("end-device.own", "DELETE by-public-id/{public_id}/, of the session that asks", own),
    check!("end-device.another-users", "404 when it is not this user's", another_users),
    check!("end-device.unknown", "404 when it is not this user's", unknown),
    check!("end-devices.others", "DELETE /api/sessions/?scope=others -> 200 {\"revoked\":[public_id...]}", others),
    check!("end-devices.all", "DELETE /api/sessions/?scope=all -> 200 {\"revoked\":[public_id...]}", all),
    check!("end-devices.scope", "`?scope=others` or `all`, and nothing else", scope),
    check!("end-devices.refused", "Refused: a JSON body with {\"code\": \"session_unknown\"}", refused),
];

fn end(public_id: &str) -> String {
    format!("DELETE by-public-id/{public_id}/")
}

async fn one(suite: &Suite) -> Done {
    suite.room_for(2)?;
    let (one, two) = (suite.member().await?, suite.member().await?);
    suite.call(&end(&two.public_id)).session(&one.sid).send().await?.revoked(&[&two.public_id])?;
    suite.refused(&two.sid, &["session_revoked"]).await?;
    suite.lives(&one.sid, "for it ended another").await
}

async fn own(suite: &Suite) -> Done {
    let made = suite.member().await?;
    suite.call(&end(&made.public_id)).session(&made.sid).send().await?.revoked(&[&made.public_id])?;
    suite.refused(&made.sid, &["session_revoked"]).await
}

async fn another_users(suite: &Suite) -> Done {
    let other = suite.sign_in(suite.people.multi_tenant()?).await?;
    let made = suite.member().await?;
    let answer = suite.call(&end(&other.public_id)).session(&made.sid).send().await?;
    answer.status(404)?;
    answer.is_no_refusal()?;
    suite.lives(&other.sid, "for it is somebody else's").await
}

async fn unknown(suite: &Suite) -> Done {
    let made = suite.member().await?;
    for id in [uuid::Uuid::new_v4().to_string(), "no-public-id".to_owned()] {
        let answer = suite.call(&end(&id)).session(&made.sid).send().await?;
        answer.status(404)?;
        answer.is_no_refusal()?;
    }
    suite.lives(&made.sid, "for nothing was ended").await
}

async fn others(suite: &Suite) -> Done {
    suite.room_for(2)?;
    let (one, two) = (suite.member().await?, suite.member().await?);
    let stranger = suite.people.multi_tenant();
    let stranger = match stranger {
        Ok(person) => Some(suite.sign_in(person).await?),
        Err(_) => None,
    };
    let answer = suite.call("DELETE ?scope=others").session(&one.sid).send().await?;
    let revoked = answer.revoked_ids()?;
    answer.must(revoked.contains(&two.public_id), "the other session in \"revoked\"")?;
    answer.must(!revoked.contains(&one.public_id), "not the session that asks in \"revoked\"")?;
    suite.refused(&two.sid, &["session_revoked"]).await?;
    suite.lives(&one.sid, "for it ended the others").await?;
    match stranger {
        Some(stranger) => suite.lives(&stranger.sid, "for it is somebody else's").await,
        None => Ok(()),
    }
}

async fn all(suite: &Suite) -> Done {
    suite.room_for(2)?;
    let (one, two) = (suite.member().await?, suite.member().await?);
    let answer = suite.call("DELETE ?scope=all").session(&one.sid).send().await?;
    let revoked = answer.revoked_ids()?;
    let both = revoked.contains(&one.public_id) && revoked.contains(&two.public_id);
    answer.must(both, "both sessions in \"revoked\"")?;
    suite.refused(&one.sid, &["session_revoked"]).await?;
    suite.refused(&two.sid, &["session_revoked"]).await
}

async fn scope(suite: &Suite) -> Done {
    let made = suite.member().await?;
    for line in ["DELETE ", "DELETE ?scope=", "DELETE ?scope=some"] {
        suite.call(line).session(&made.sid).json(&json!({})).send().await?.status(400)?;
    }
    suite.lives(&made.sid, "for nothing was ended").await
}

async fn refused(suite: &Suite) -> Done {
    let nobody = uuid::Uuid::new_v4().to_string();
    for line in ["DELETE ?scope=all", &end(&uuid::Uuid::new_v4().to_string())] {
        suite.call(line).session(&nobody).send().await?.refuses_session()?;
    }
    Ok(())
}
