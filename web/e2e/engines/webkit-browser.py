#!/usr/bin/python3
"""A browser of WebKitGTK that keeps its data in the folder that it is given, or with `--private` keeps none.

MiniBrowser and Epiphany never keep any when they are driven by WebDriver. The scripts in the folder run in every page that is opened
after they were put there, before the page's own.
"""

import sys
from pathlib import Path

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import Gtk, WebKit2


def open_context(folder, is_private):
    if is_private:
        return WebKit2.WebContext.new_ephemeral()
    data = WebKit2.WebsiteDataManager(base_data_directory=f"{folder}/data", base_cache_directory=f"{folder}/cache")
    # As Epiphany does. Without it, cookies stay in memory.
    cookies = data.get_cookie_manager()
    cookies.set_persistent_storage(f"{folder}/cookies.sqlite", WebKit2.CookiePersistentStorage.SQLITE)
    return WebKit2.WebContext.new_with_website_data_manager(data)


folder = Path(sys.argv[-1])
context = open_context(folder, "--private" in sys.argv)
content = WebKit2.UserContentManager()
added = set()
window = Gtk.Window(default_width=800, default_height=600)
tabs = Gtk.Notebook()
window.add(tabs)


def open_tab(*_):
    view = WebKit2.WebView(web_context=context, user_content_manager=content, is_controlled_by_automation=True)
    view.connect("close", close_tab)
    view.connect("decide-policy", add_scripts)
    tabs.append_page(view)
    window.show_all()
    tabs.set_current_page(-1)
    return view


def add_scripts(*_):
    for file in sorted(set(folder.glob("*.js")) - added):
        added.add(file)
        frames, time = WebKit2.UserContentInjectedFrames.TOP_FRAME, WebKit2.UserScriptInjectionTime.START
        content.add_script(WebKit2.UserScript.new(file.read_text(), frames, time, None, None))
    return False


def close_tab(view):
    view.destroy()
    if tabs.get_n_pages() == 0:
        Gtk.main_quit()


context.set_automation_allowed(True)
context.connect("automation-started", lambda _, session: session.connect("create-web-view", open_tab))
Gtk.main()
