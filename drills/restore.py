"""`make drill-restore`: a table of users is lost and restored, as docs/deletions.md says. With ENV=staging on AWS, and without on this
machine, where moto is AWS and the functions are those of this project."""

import os
import sys

sys.path[:0] = ["drills", "admin/tests", "tests/contract"]


def restore(site):
    """The order. Whoever was deleted since the backup must not get in before the API is open, and no session that had ended."""
    site.close()
    table = site.restore_table()
    site.set_up(table)
    site.adopt(table)
    site.admin("replace-keys", "refresh_token_keys")
    site.admin("replay-deletions")
    site.wait_for("deletion")
    site.admin("reconcile", "--apply")
    site.wait_for("inquiry", "deletion")
    site.open()


def drill_here():
    """Everybody to whom something has happened since the backup, and somebody to whom nothing has."""
    import here

    with here.started() as site:
        users = {name: site.enter(name) for name in ["ryan", "choonsik", "apeach", "muzi", "frodo"]}
        ended, lasting = site.browser("choonsik"), site.browser("apeach", is_linked=True)
        copy = ended.cookie
        site.back_up()

        ended.logout()
        site.browser("ryan").leave()
        site.unlink("muzi", send=True)
        site.unlink("frodo", send=False)
        newcomer = site.enter("con")
        site.finish("inquiry", "deletion")
        # Kakao links this person again, so only the receipt tells.
        again = site.enter("ryan")
        site.keep_receipts({users["ryan"]: 3_600})

        restore(site)
        assert {name for name in users if site.is_stored(users[name])} == {"choonsik", "apeach"}, "deleted users are back, or others gone"
        ended.cookie = copy
        for case, browser in [("that had ended", ended), ("that went on", lasting)]:
            browser.api = site.api
            assert browser.refresh() == 401, f"a session {case} is renewed by its old cookie"
        for name in ["choonsik", "apeach"]:
            assert site.enter(name) == users[name], f"{name} is another user"
        for name in ["ryan", "muzi", "frodo"]:
            assert site.enter(name) != users[name], f"{name} is back as the user who was deleted"
        assert site.first.unlinks("ryan") == 1, "somebody who has joined again was unlinked"
        assert site.enter("con") != newcomer and site.enter("ryan") != again, "users whom the backup does not have"
    print("passed: after a restore the deleted stay deleted, ended sessions stay ended, and others log in")


def drill_there(env):
    """A test user of yours: what they do after the backup is undone, but for a session that they ended."""
    import there

    site = there.Site(env)
    before, user = site.log_in()
    ended, _ = site.log_in()
    site.back_up()
    ended.logout()
    restore(site)
    assert before.refresh() == 401 and ended.refresh() == 401, "a session of before the restore is renewed"
    again, same = site.log_in()
    assert same == user and again.profile() == 200, f"the user {user} is {same} now"
    print(f"passed: the stack uses {site.table}. {site.goes_on}")


def main(words):
    drill_there(words[0]) if words else drill_here()
    return 0


if __name__ == "__main__":
    sys.path[:0] = ["deploy"]
    from deploy import as_command

    sys.exit(as_command(main))
