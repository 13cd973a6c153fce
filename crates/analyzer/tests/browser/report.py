"""The HTML report in a real browser: opened, narrowed down, checked against what the command line
says of the same requests, and fed a hostile log.

usage: report.py TOLLGATE [SCREENSHOT-FOLDER]
"""

import base64
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

TOP = Path(__file__).resolve().parents[4]
ACCOUNT = ["--account", "fixtures/github-proxy/tollgate.toml"]
LOGS = "fixtures/github-proxy/logs"
SECOND_DAY = "2026-03-11"
HOSTILE = "</script><script>window.pwned=1</script><img src=x onerror='window.pwned=1'>"


def analyze(tollgate, *arguments, stdin=None):
    command = [tollgate, "analyze", *arguments]
    return subprocess.run(command, cwd=TOP, input=stdin, capture_output=True, text=True, check=True).stdout


def browser(profile):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 "--lang=en-US", "--window-size=1280,900", f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))


class Page:
    def __init__(self, driver, path):
        self.driver = driver
        driver.get(path.as_uri())
        assert driver.execute_script("return document.documentElement.dataset.drawn") == "yes"

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def tile(self, name):
        script = """return [...document.querySelectorAll('#tiles > div')]
            .find((tile) => tile.querySelector('dt').textContent === arguments[0])
            .querySelector('dd').firstChild.textContent"""
        return int(self.driver.execute_script(script, name).replace(",", "").replace(" ms", ""))

    def rows(self, table):
        """The rows of a table: what names a row, and its cells."""
        script = """return [...document.querySelectorAll('#' + arguments[0] + ' tbody tr:not(.detail)')]
            .map((row) => [...row.children].map((cell) => cell.querySelector('button')?.title || cell.textContent))"""
        return self.driver.execute_script(script, table)

    def counts(self, table, column=1):
        return {row[0]: int(row[column].replace(",", "")) for row in self.rows(table)}

    def choose(self, table, text):
        button = next(each for each in self.all(f"#{table} .pick") if text in (each.get_attribute("title") or "") or each.text == text)
        self.driver.execute_script("arguments[0].closest('tr').hidden = false; arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()

    def set_time(self, field, value):
        script = "const input = document.getElementById(arguments[0]); input.value = arguments[1]; input.dispatchEvent(new Event('change'))"
        self.driver.execute_script(script, field, value)

    def chips(self):
        return [chip.text for chip in self.all(".chip")]


def denied(report):
    return sum(group["requests"] for group in report["denied"])


def check(name, actual, expected):
    assert actual == expected, f"{name}: {actual!r} is shown, {expected!r} is expected"


def whole_period(page, report):
    usage = report["usage"]
    check("requests", page.tile("Requests"), usage["requests"])
    check("denied", page.tile("Denied"), denied(report))
    check("callers", page.counts("callers"), {each["caller"]: each["requests"] for each in usage["callers"]})
    check("principals", page.counts("principals", 2), {each["principal"]: each["requests"] for each in usage["principals"]})
    sessions = {each["principal"]: "–" if each["sessions"] is None else str(each["sessions"]) for each in usage["principals"]}
    check("sessions", {row[0]: row[1] for row in page.rows("principals")}, sessions)
    routes = {f"{each['method']} {each['route']}": each["requests"] for each in usage["routes"]}
    check("routes", {row[0]: int(row[1].replace(",", "")) for row in page.rows("routes")}, routes)
    check("statuses", page.counts("statuses"), {str(each["status"]): each["requests"] for each in usage["statuses"]})
    check("groups of denied calls", len(page.rows("denied")), len(report["denied"]))
    unexplained = [(each["resource"], each["requests"]) for each in report["unexplained"]]
    check("unexplained", [(row[0], int(row[2].replace(",", ""))) for row in page.rows("unexplained")], unexplained)
    check("limits", len(page.all("#limits figure")), len(report["rateLimits"]))
    print("  the whole period is what the command line says")


def time_range(page, second_day):
    """Narrowed down to a day, the page says what `--since` says."""
    page.set_time("from", f"{SECOND_DAY}T00:00")
    usage = second_day["usage"]
    check("requests", page.tile("Requests"), usage["requests"])
    check("denied", page.tile("Denied"), denied(second_day))
    check("callers", page.counts("callers"), {each["caller"]: each["requests"] for each in usage["callers"]})
    check("principals", page.counts("principals", 2), {each["principal"]: each["requests"] for each in usage["principals"]})
    check("throttled", page.counts("callers", 3), {each["caller"]: each["throttled"] for each in usage["callers"]})
    assert page.chips()[0].startswith(f"{SECOND_DAY} 00:00"), page.chips()
    check("limits", page.one("#limits-note").text, "Numbers are of the whole period, charts of the chosen range.")
    page.one("#clear").click()
    check("chips", page.chips(), [])
    check("limits", page.one("#limits-note").text, "Whole period.")
    print("  a day is what `--since` says")


def typed(page):
    """A range is typed key by key, as who has no pointer does."""
    for field, keys in [("from", "031120260615AM"), ("to", "031120261145AM")]:
        page.driver.execute_script("document.getElementById(arguments[0]).focus()", field)
        for key in keys:
            ActionChains(page.driver).send_keys(key).perform()
    check("chips", [chip.split("\n")[0] for chip in page.chips()], [f"{SECOND_DAY} 06:15 – {SECOND_DAY} 11:45"])
    ActionChains(page.driver).send_keys(Keys.ESCAPE, Keys.TAB, Keys.TAB).perform()
    check("the field after Escape", page.one("#to").get_attribute("value"), "2026-03-12T00:00")
    print("  a range can be typed")


def no_range(page, report):
    """A range that cannot be is said to be none, and changes nothing."""
    for field, value, problem in [("to", "2026-03-01T00:00", "nothing until then"), ("from", "2027-01-01T00:00", "nothing from then on")]:
        page.set_time(field, value)
        assert problem in page.one("#range-problem").text, page.one("#range-problem").text
        check("marked", page.one(f"#{field}").get_attribute("aria-invalid"), "true")
        check("requests", page.tile("Requests"), report["usage"]["requests"])
        page.set_time(field, "")
        check("the problem", page.one("#range-problem").text, "")
    page.set_time("from", f"{SECOND_DAY}T06:00")
    page.set_time("to", f"{SECOND_DAY}T03:00")
    assert "ends before it begins" in page.one("#range-problem").text, page.one("#range-problem").text
    assert page.chips()[0].startswith(f"{SECOND_DAY} 06:00"), page.chips()
    page.set_time("to", "")
    page.set_time("from", "")
    check("requests after emptying", page.tile("Requests"), report["usage"]["requests"])
    print("  a range that cannot be is said to be none")


def caller_and_route(page, report):
    caller = report["usage"]["callers"][0]
    page.choose("callers", caller["caller"])
    check("requests of a caller", page.tile("Requests"), caller["requests"])
    check("chosen row", page.one("#callers tr.chosen button").get_attribute("aria-pressed"), "true")
    check("other callers stay", len(page.rows("callers")), len(report["usage"]["callers"]))
    routes = page.rows("routes")
    check("routes of a caller", sum(int(row[1].replace(",", "")) for row in routes), caller["requests"])
    name, requests = page.one("#routes .pick").text, int(routes[0][1].replace(",", ""))
    page.choose("routes", name)
    check("requests of a caller on a route", page.tile("Requests"), requests)
    check("chips", len(page.chips()), 2)
    page.one("body").send_keys(Keys.ESCAPE)
    check("requests after Escape", page.tile("Requests"), report["usage"]["requests"])
    print("  a caller and a route narrow the page down, Escape widens it")


def principal(page, report):
    """A role is its sessions."""
    role = report["usage"]["principals"][0]
    page.choose("principals", role["principal"])
    check("requests of a principal", page.tile("Requests"), role["requests"])
    check("its sessions", len(page.rows("callers")), role["sessions"])
    check("requests of its sessions", sum(page.counts("callers").values()), role["requests"])
    check("chip", page.chips(), [f"{role['principal'].split(':')[5]}\n×"])
    page.one("#clear").click()
    print("  a principal narrows the page down to its sessions")


def denial(page, report):
    group = next(each for each in report["denied"] if "nearest" in each)
    page.choose("denied", group["resource"])
    shown = page.one("#denied-detail").text
    nearest = group["nearest"]
    for text in [group["caller"], f"{nearest['policy']}:{nearest['line']}:{nearest['column']}", nearest["pattern"]]:
        assert text in shown, f"`{text}` is not in\n{shown}"
    check("requests of a denial", page.tile("Requests"), group["requests"])
    check("expanded", page.one("#denied tr.chosen button").get_attribute("aria-expanded"), "true")
    page.one("#clear").click()
    print("  a denial shows its statement and what would have been needed")


def pointer_and_keys(page, report):
    chart = page.one("#chart svg")
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
    actions = ActionChains(page.driver)
    actions.move_to_element_with_offset(chart, -200, 0).click_and_hold().move_by_offset(250, 0).release().perform()
    check("chips after dragging", len(page.chips()), 1)
    assert 0 < page.tile("Requests") < report["usage"]["requests"]
    page.one("#clear").click()
    sort = page.one("#routes thead th:nth-child(2) button")
    sort.send_keys(Keys.ENTER)
    check("sorted", page.one("#routes thead th:nth-child(2)").get_attribute("aria-sort"), "descending")
    focus = page.driver.execute_script("return document.activeElement.closest('table') !== null")
    check("the focus stays in the table", focus, True)
    hidden = len(page.all("#callers tbody tr[hidden]"))
    assert hidden > 0
    page.one("#callers .more").send_keys(Keys.ENTER)
    check("hidden rows", len(page.all("#callers tbody tr[hidden]")), 0)
    page.one("#callers .more").click()
    print("  dragging, sorting and the keyboard work")


def heat_map(page, report):
    """The shaded table says what the report says, and can be read on every shade in light and dark."""
    hours = {(each["weekday"][:3], each["hour"]): each for each in report["usage"]["heat"]}
    for row in page.rows("heat"):
        for hour, cell in enumerate(row[1:]):
            each = hours[row[0], hour]
            shown = f"{round(each['requests'] / each['hours']):,}" if each["hours"] else ""
            check(f"{row[0]} {hour}", cell, shown)
    check("days", len(page.rows("heat")), len({each["weekday"] for each in hours.values() if each["hours"]}))
    check_contrast(page, "#heat td, .zero, .axis, .unit, .hint, .note")
    shades = page.driver.execute_script("return new Set([...document.querySelectorAll('#heat td')].map((cell) => getComputedStyle(cell).backgroundColor)).size")
    assert shades >= 3, f"{shades} shades"
    print("  the heat map is what the report says, and readable in light and dark")


def check_contrast(page, selector):
    contrasts = """
        const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
        const pixel = (...colours) => {
            for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); }
            return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
        };
        const light = (rgb) => rgb.map((each) => each / 255)
            .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
            .reduce((sum, each, at) => sum + each * [0.2126, 0.7152, 0.0722][at], 0);
        const style = (node) => getComputedStyle(node);
        const page = style(document.body).backgroundColor;
        return [...document.querySelectorAll(arguments[0])].map((cell) => {
            const [ink, below] = [pixel(cell.ownerSVGElement ? style(cell).fill : style(cell).color), pixel(page, style(cell).backgroundColor)].map(light);
            return (Math.max(ink, below) + 0.05) / (Math.min(ink, below) + 0.05);
        });"""
    for theme in ["light", "dark"]:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]})
        lowest = min(page.driver.execute_script(contrasts, selector))
        assert lowest >= 4.5, f"in {theme} something has a contrast of {lowest:.1f}"
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def narrow(page):
    """On a phone nothing is wider than the page, charts are written as large as on a desk, and tables that scroll do so by keyboard."""
    scale = "const picture = document.querySelector(arguments[0]); return picture.getBoundingClientRect().width / picture.viewBox.baseVal.width"
    scrolled = "return [...document.querySelectorAll('.table')].map((each) => [each.scrollWidth > each.clientWidth, each.tabIndex === 0 && each.role === 'region' && each.ariaLabel === each.querySelector('caption').textContent])"
    for width in [390, 1280]:
        page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False})
        page.driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
        for picture in ["#chart svg", "#limits svg"]:
            assert 0.98 < page.driver.execute_script(scale, picture) < 1.02, f"{picture} is scaled at {width}"
        check("beyond the page", page.driver.execute_script("return document.documentElement.scrollWidth > document.documentElement.clientWidth"), False)
        tables = page.driver.execute_script(scrolled)
        check("tables that scroll", [reachable for _, reachable in tables], [wide for wide, _ in tables])
        check("any of them", any(wide for wide, _ in tables), width == 390)
    page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    print("  the page fits a phone")


def removed_by_keyboard(page, report):
    """Who removes what was chosen by keyboard stays where it was, and hears what is left."""
    page.choose("callers", report["usage"]["callers"][0]["caller"])
    page.choose("statuses", "200")
    assert f"of {report['usage']['requests']:,} requests" in page.one("#filters").text, page.one("#filters").text
    for left in [1, 0]:
        page.one(".chip").send_keys(Keys.ENTER)
        check("chips", len(page.chips()), left)
        check("the focus is there", page.driver.execute_script("return document.activeElement.closest('#filters') !== null"), True)
    print("  what was chosen is removed by keyboard")


def on_paper(page, report):
    """Paper has all rows, and the places that a screen shows in explanations."""
    page.driver.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    check("hidden rows", len(page.all("tbody tr[hidden]")), 0)
    cited = [group["nearest"] for group in report["denied"] if "nearest" in group]
    cited += [statement for group in report["denied"] for statement in group.get("determinedBy", [])]
    shown = page.one("#denied").text
    for each in cited:
        assert f"{each['policy']}:{each['line']}:{each['column']}" in shown, f"{each} is not on paper"
    check("what is no text", "[object" in page.one("main").text, False)
    page.driver.execute_script("window.dispatchEvent(new Event('afterprint'))")
    print("  paper says where the statements are")


def finely(driver, tollgate, folder):
    """Where there is too much to be narrowed down by the minute, the chart still shows minutes."""
    request = lambda minute, caller, route: {"requestTimeEpoch": 1773100800000 + 60000 * minute, "httpMethod": "GET", "resourcePath": f"/{route}",
                                             "status": "500" if minute == 7 else "200", "userArn": f"arn:aws:iam::1:user/{caller}"}
    lines = "\n".join(json.dumps(request(minute, caller, route)) for minute in range(170) for caller in range(25) for route in range(10))
    path = folder / "finely.html"
    path.write_text(analyze(tollgate, "--format", "html", "-", stdin=lines))
    page = Page(driver, path)
    titles = [title.get_attribute("textContent").split("\n") for title in page.all("#chart g > title")]
    check("bars", len(titles), 170)
    check("a bar", (titles[6][1:], titles[7][1:]), (["answered: 250"], ["5xx: 250"]))
    check("unit", page.one("#chart-unit").text, "Requests; one bar is one minute.")
    page.choose("callers", "arn:aws:iam::1:user/7")
    check("unit", page.one("#chart-unit").text, "Requests; one bar is 5 minutes.")
    check("bars of a caller", len(page.all("#chart g > title")), 34)
    page.one("#clear").click()
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", page.one("#chart svg"))
    ActionChains(driver).click(page.all("#chart .hit")[169]).perform()
    assert page.chips()[0].startswith("2026-03-10 02:45 – 2026-03-10 02:50"), page.chips()
    check("requests of an interval", page.tile("Requests"), 5 * 250)
    print("  the chart is as fine as the report tells")


def lines_of_advice(advice):
    if not advice:
        return 0
    return 1 + (advice["intervalSeconds"] > 60) + min(len(advice["slow"]), 3) + (len(advice["slow"]) > 3)


def limits_and_caches(page, report):
    for figure, limit in zip(page.all("#limits figure"), report["rateLimits"]):
        forecast, shown = limit["forecast"], figure.text
        moment = (forecast["reached"] or forecast["until"])[:16].replace("T", " ")
        assert moment in shown, f"`{moment}` is not in\n{shown}"
        check("lines of advice", len(figure.find_elements(By.CSS_SELECTOR, ".advice li")),
              lines_of_advice(limit["advice"]))
        at_least = "at least " if limit["windowSeconds"] is not None and limit["windowSeconds"] < 60 else ""
        assert f" over {at_least}{limit['resets']:,} reset" in shown, shown
        check("what a request costs", "a request goes with" in shown, limit["costPerRequest"] > 1.05)
    caches = {each["route"]: [each["reads"], *(saved["shared"] for saved in each["saved"])] for each in report["cache"]["routes"]}
    shown = {row[0]: [int(cell.replace(",", "")) for cell in row[1:6]] for row in page.rows("cache")}
    check("repeated reads", shown, caches)
    print("  forecasts, advice and repeated reads are shown")


def comparison(driver, tollgate, folder):
    """Two days side by side."""
    period = ["--since", SECOND_DAY, "--until", "2026-03-12", "--compare", "previous", LOGS]
    report = json.loads(analyze(tollgate, *period, "--format", "json"))["comparison"]
    path = folder / "comparison.html"
    path.write_text(analyze(tollgate, *period, "--format", "html"))
    page = Page(driver, path)
    for table, of in [("compared-callers", "callers"), ("compared-routes", "routes")]:
        shown = [[int(cell.replace(",", "")) for cell in row[1:3]] for row in page.rows(table)]
        check(table, shown, [[each["before"], each["now"]] for each in report[of]])
    assert f"{report['requests']['before']:,}" in page.one("#comparison-note").text
    answers = [name for name in ["refused", "throttled", "failed"] if report[name]["before"] + report[name]["now"] > 0]
    shown = [[row[0], *(int(cell.replace(",", "")) for cell in row[1:3])] for row in page.rows("compared-answers")]
    check("answers", shown, [[name, report[name]["before"], report[name]["now"]] for name in answers])
    shown = [[int(cell.replace(",", "")) if cell != "–" else None for cell in [*row[1:3], *row[4:]]] for row in page.rows("compared-limits")]
    names = ["before", "now", "lowestBefore", "lowestNow", "throttledBefore", "throttledNow"]
    check("limits", shown, [[each[name] for name in names] for each in report["rateLimits"]])
    check("the logs cover both days", "cover" in page.one("#comparison-note").text, False)
    accessible(page)
    first = ["--since", "2026-03-10T12:00", "--until", "2026-03-11T12:00", "--compare", "previous", LOGS]
    path.write_text(analyze(tollgate, *first, "--format", "html"))
    note = Page(driver, path).one("#comparison-note").text
    assert "cover 12.0 of the 24.0 hours before" in note, note
    print("  a day is compared with the one before")


def what_if(driver, tollgate, folder):
    """Policies as they are proposed, beside those in force."""
    accounts = ["--account", "fixtures/github-proxy/proposed.toml", "--against", "fixtures/github-proxy/tollgate.toml", LOGS]
    changes = json.loads(analyze(tollgate, *accounts, "--format", "json"))["changes"]
    path = folder / "what-if.html"
    path.write_text(analyze(tollgate, *accounts, "--format", "html"))
    page = Page(driver, path)
    words = {"newlyDenied": "newly denied", "newlyAllowed": "newly allowed"}
    shown = [(int(row[2].replace(",", "")), row[3]) for row in page.rows("changes")]
    check("changes", shown, [(group["requests"], words[group["change"]]) for group in changes["groups"]])
    said = f"{changes['newlyDenied']} newly denied, {changes['newlyAllowed']} newly allowed"
    assert said in page.one("#notes").text, page.one("#notes").text
    accessible(page)
    print("  what a change of policies would do is shown, and said first")


def grouped(driver, tollgate, folder):
    """What usage was grouped by is shown, a table for each."""
    by = ["--group-by", "role", "--group-by", "network,status", LOGS]
    breakdowns = json.loads(analyze(tollgate, *by, "--format", "json"))["breakdowns"]
    path = folder / "grouped.html"
    path.write_text(analyze(tollgate, *by, "--format", "html"))
    page = Page(driver, path)
    names = "return [...document.querySelectorAll('#' + arguments[0] + ' tbody tr')].map((row) => [...row.children].map((cell) => cell.querySelector('[title]')?.title ?? cell.textContent))"
    for at, breakdown in enumerate(breakdowns):
        shown = driver.execute_script(names, f"breakdown-{at}")
        values = len(breakdown["by"])
        check(f"groups by {breakdown['by']}", [[*row[:values], int(row[values].replace(",", ""))] for row in shown],
              [[*group["values"], group["requests"]] for group in breakdown["groups"]])
    accessible(page)
    print("  what usage was grouped by is shown")


def untold(driver, tollgate, folder):
    """Requests without a status can be chosen, and those without a time are said to have none."""
    request = {"httpMethod": "GET", "resourcePath": "/a", "userArn": "arn:aws:iam::1:user/ana"}
    lines = "".join(json.dumps({**request, **more}) + "\n" for more in [{}, {"status": "200"}])
    path = folder / "untold.html"
    path.write_text(analyze(tollgate, "--format", "html", "-", stdin=lines))
    page = Page(driver, path)
    assert page.one("#period").text.startswith("at times not told"), page.one("#period").text
    page.choose("statuses", "none")
    check("requests without a status", page.tile("Requests"), 1)
    check("chips", [chip.split("\n")[0] for chip in page.chips()], ["no status"])
    page.choose("statuses", "none")
    check("requests", page.tile("Requests"), 2)
    print("  what is not told can be chosen")


def namesakes(driver, tollgate, folder):
    """Callers of different accounts that are called the same are told apart."""
    arns = [f"arn:aws:sts::{account}:assumed-role/web/s-1" for account in ["111111111111", "222222222222"]]
    request = {"requestTimeEpoch": 1773100800000, "httpMethod": "GET", "resourcePath": "/a", "status": "200"}
    path = folder / "namesakes.html"
    lines = "".join(json.dumps({**request, "userArn": arn}) + "\n" for arn in arns)
    path.write_text(analyze(tollgate, "--group-by", "role", "--format", "html", "-", stdin=lines))
    page = Page(driver, path)
    for table, name in [("callers", "web/s-1"), ("breakdown-0", "role/web")]:
        shown = sorted(cell.text for cell in page.all(f"#{table} tbody th"))
        check(table, shown, [f"{name} (111111111111)", f"{name} (222222222222)"])
    print("  callers of different accounts are told apart")


def left_out(driver, tollgate, folder):
    """A filter alone leaves out what no window did; and of a list that is cut, the rest is summed up."""
    arguments = ["--filter", "status = 200", "--top", "2", LOGS]
    report = json.loads(analyze(tollgate, *arguments, "--format", "json"))
    path = folder / "filtered.html"
    path.write_text(analyze(tollgate, *arguments, "--format", "html"))
    page = Page(driver, path)
    assert page.one("#account").text.endswith(f"{report['leftOut']:,} requests left out, as asked."), page.one("#account").text
    usage = report["usage"]
    check("callers", page.counts("callers"), {each["caller"]: each["requests"] for each in usage["callers"]})
    check("routes", len(page.rows("routes")), 2)
    rest = usage["requests"] - sum(each["requests"] for each in usage["callers"])
    others = usage["callerCount"] - 2
    caption = page.one("#callers caption").text
    assert f"2 of {others + 2} callers" in caption and f"the others have {rest:,} requests" in caption, caption
    print("  what is left out is said")


def parts(driver, tollgate, folder):
    """A page says that its runs were asked differently, what was left out for want of a time, and what it does not tell apart."""
    request = {"httpMethod": "GET", "resourcePath": "/a", "status": "200", "userArn": "ana"}
    timed = {**request, "requestTimeEpoch": 1773100800000}
    requests = [timed, request, {**timed, "userArn": "x" * 3000}]
    lines = "".join(json.dumps(each) + "\n" for each in requests)
    partials = [str(folder / name) for name in ["since.json", "dedup.json"]]
    for partial, option in zip(partials, [["--since", SECOND_DAY], ["--dedup"]]):
        analyze(tollgate, *option, "--group-by", "caller", "--partial", partial, "-", stdin=lines)
    merge = [tollgate, "merge", *partials, "--format", "html"]
    path = folder / "parts.html"
    path.write_text(subprocess.run(merge, capture_output=True, text=True, check=True).stdout)
    page = Page(driver, path)
    notes = page.one("#notes").text
    for said in ["differs in `--dedup`, `--since`:", "a request that two of them read counts twice", "by names of at most 2,048 bytes"]:
        assert said in notes, notes
    account = page.one("#account").text
    assert account.endswith("3 requests left out, as asked, of which 1 without a time."), account
    caption = page.one("#breakdown-0 caption").text
    assert "By caller: more than 1 group." in caption, caption
    print("  what merged runs do not have in common is said")


def accessible(page):
    script = """return [...document.querySelectorAll('table')].filter((table) => !table.caption?.textContent
        || [...table.tHead.rows[0].cells].some((cell) => cell.scope !== 'col')
        || [...table.tBodies[0].rows].some((row) => !row.classList.contains('detail') && row.cells[0].scope !== 'row')).length"""
    check("tables without caption or scopes", page.driver.execute_script(script), 0)
    assert all(picture.get_attribute("aria-label") for picture in page.all("svg[role=img]"))
    loaded = page.driver.execute_script("return performance.getEntriesByType('resource').map((each) => each.name)")
    check("resources loaded", loaded, [])
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    check("controls on paper", page.one("#range").is_displayed(), False)
    check("tables on paper", page.one("#routes table").is_displayed(), True)
    if page.all("#heat table"):
        check("the heat map on paper", page.one("#heat table").is_displayed(), True)
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    print("  tables are labelled, nothing is loaded, paper has no buttons")


def hostile(driver, tollgate, folder):
    """What a client wrote into the log is shown as it is, and does nothing."""
    request = {"requestTimeEpoch": 1773100800000, "httpMethod": "GET", "resourcePath": f"/{HOSTILE}", "status": "200", "userArn": HOSTILE}
    lines = json.dumps(request) + "\n" + json.dumps(request)[:-4] + "\n"
    path = folder / "hostile.html"
    path.write_text(analyze(tollgate, "--format", "html", "-", stdin=lines))
    page = Page(driver, path)
    check("callers", [row[0] for row in page.rows("callers")], [HOSTILE])
    check("scripts", len(page.all("script")), 3)
    check("pictures", len(page.all("img")), 0)
    check("what ran", driver.execute_script("return window.pwned"), None)
    check("what could not be read", page.one("#notes").text.split(";")[0], "1 of 2 lines could not be read")
    request |= {"httpMethod": "DELETE", "userArn": "arn:aws:iam::123456789012:user/ana", "resourcePath": "/{proxy+}", "path": "/prod/a\x1b\u202e\\b", "apiId": "a1b2c3d4e5", "stage": "prod", "status": "403", "ip": "198.51.100.23"}
    path.write_text(analyze(tollgate, *ACCOUNT, "--format", "html", "-", stdin=json.dumps(request)))
    page = Page(driver, path)
    statements = [code.text for code in page.all("#remedies td code")]
    check("statements to copy", [json.loads(text)["Resource"].split("/", 2)[2] for text in statements], ["DELETE/a\x1b\u202e\\b"])
    print("  a hostile log stays text")


def nothing(driver, tollgate, folder):
    """Where no request is left, nothing is offered to be chosen."""
    path = folder / "nothing.html"
    path.write_text(analyze(tollgate, *ACCOUNT, "--filter", "status = 999", "--format", "html", LOGS))
    page = Page(driver, path)
    check("requests", page.tile("Requests"), 0)
    for table in ["callers", "routes", "statuses", "denied"]:
        check(table, page.one(f"#{table}").text, "None.")
    assert "hoose" not in page.one("main").text, page.one("main").text
    print("  an empty report says so")


def long_names(driver, tollgate, folder):
    """Who chooses a long name fills no page with it."""
    name = "x|" * 1000
    request = {"requestTimeEpoch": 1773100800000, "httpMethod": "GET", "path": f"/prod/{name}", "resourcePath": f"/{name}", "status": "403",
               "userArn": f"arn:aws:iam::123456789012:user/{name}", "apiId": "a1b2c3d4e5", "stage": "prod", "ip": "198.51.100.23"}
    path = folder / "long.html"
    path.write_text(analyze(tollgate, *ACCOUNT, "--group-by", "caller", "--format", "html", "-", stdin=json.dumps(request)))
    page = Page(driver, path)
    for table in ["callers", "routes", "denied"]:
        page.one(f"#{table} .pick").click()
    check("chips", len(page.chips()), 3)
    check("beyond the page", driver.execute_script("return document.documentElement.scrollWidth > document.documentElement.clientWidth"), False)
    for table in ["callers", "routes", "statuses", "breakdown-0"]:
        assert page.one(f"#{table} tbody").size["height"] < 400, f"{table} is {page.one(f'#{table} tbody').size['height']} high"
    assert name in page.one("#denied-detail").text
    print("  a long name fills no page")


def capped(driver, tollgate, folder):
    """Where there are too many to be told apart, no number is said to be that of all."""
    line = lambda at: json.dumps({"httpMethod": "GET", "resourcePath": f"/{at}", "status": "200", "userArn": f"user/{at}"})
    lines = "\n".join(line(at) for at in range(5001))
    path = folder / "capped.html"
    path.write_text(analyze(tollgate, "--threads", "1", "--format", "html", "-", stdin=lines))
    page = Page(driver, path)
    check("routes", page.one("#period").text.split(" on ")[1], "more than 5,000 routes")
    check("callers", "by 5,001 callers" in page.one("#period").text, True)
    print("  more than can be told apart is said to be more")


def pictures(driver, path, folder):
    folder.mkdir(parents=True, exist_ok=True)
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 1280, "height": 1094, "deviceScaleFactor": 1, "mobile": False})
    driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
    for theme in ["light", "dark"]:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]})
        page = Page(driver, path)
        driver.save_screenshot(str(folder / f"{theme}-top.png"))
        page.choose("denied", next(row[0] for row in page.rows("denied") if "nearest is" in row[5]))
        whole = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "format": "png"})
        (folder / f"{theme}.png").write_bytes(base64.b64decode(whole["data"]))
    Page(driver, path)
    paper = driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True})
    (folder / "report.pdf").write_bytes(base64.b64decode(paper["data"]))


def main(tollgate, screenshots=None):
    tollgate = str(Path(tollgate).resolve())
    whole = json.loads(analyze(tollgate, *ACCOUNT, "--format", "json", LOGS))
    second_day = json.loads(analyze(tollgate, *ACCOUNT, "--format", "json", "--since", SECOND_DAY, LOGS))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "report.html"
        path.write_text(analyze(tollgate, *ACCOUNT, "--format", "html", LOGS))
        driver = browser(folder / "profile")
        try:
            page = Page(driver, path)
            whole_period(page, whole)
            time_range(page, second_day)
            typed(page)
            no_range(page, whole)
            caller_and_route(page, whole)
            principal(page, whole)
            denial(page, whole)
            pointer_and_keys(page, whole)
            heat_map(page, whole)
            limits_and_caches(page, whole)
            removed_by_keyboard(page, whole)
            narrow(page)
            on_paper(page, whole)
            accessible(page)
            check("complaints of the browser", driver.get_log("browser"), [])
            comparison(driver, tollgate, folder)
            what_if(driver, tollgate, folder)
            grouped(driver, tollgate, folder)
            untold(driver, tollgate, folder)
            namesakes(driver, tollgate, folder)
            left_out(driver, tollgate, folder)
            parts(driver, tollgate, folder)
            hostile(driver, tollgate, folder)
            nothing(driver, tollgate, folder)
            long_names(driver, tollgate, folder)
            capped(driver, tollgate, folder)
            finely(driver, tollgate, folder)
            check("complaints of the browser", driver.get_log("browser"), [])
            if screenshots:
                pictures(driver, path, Path(screenshots))
        finally:
            driver.quit()
    print("the HTML report works in a browser")


if __name__ == "__main__":
    main(*sys.argv[1:])
