// Copyright (c) 2026, the community.immuta contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
//
// node check.cjs FOLDER: opens the pages that FOLDER/pages.json names, at desktop and phone width, light and dark, and says what is wrong with them.
"use strict";
const fs = require("fs"), os = require("os"), path = require("path"), { pathToFileURL } = require("url");
const folder = path.resolve(process.argv[2]), packages = path.join(folder, "node_modules");
const { chromium } = require(path.join(packages, "playwright-core"));
const AXE = fs.readFileSync(path.join(packages, "axe-core", "axe.min.js"), "utf8");
const { chromium: browserPath, pages } = JSON.parse(fs.readFileSync(path.join(folder, "pages.json"), "utf8"));

const QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const VIEWS = {
  "desktop-light": { viewport: { width: 1280, height: 900 }, colorScheme: "light" },
  "desktop-dark": { viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
  "phone-light": { viewport: { width: 375, height: 812 }, colorScheme: "light", hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
  "phone-dark": { viewport: { width: 375, height: 812 }, colorScheme: "dark", hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
};
const ROWS = "#platforms tbody tr", SHOWN = `${ROWS}:not([hidden])`;
// More than the script takes for a thousand rows on any machine; with a loop in a loop it takes much longer.
const PATIENCE = 1000;
// axe-core takes its time with many rows, so these it looks at in two views.
const MANY = 500, VIEWS_OF_MANY = ["desktop-light", "phone-dark"];

let wrong = 0;
function check(holds, what) {
  if (holds) return;
  wrong += 1;
  console.log(`  WRONG: ${what}`);
}

async function opened(browser, page, view) {
  const context = await browser.newContext(view);
  const tab = await context.newPage(), url = pathToFileURL(page.path).href;
  for (const event of ["console", "pageerror", "dialog"]) {
    tab.on(event, (said) => {
      check(false, `${event}: ${said.message ? (said.message.call ? said.message() : said.message) : said.text()}`);
      if (event === "dialog") said.dismiss();
    });
  }
  tab.on("request", (request) => check(request.url() === url, `the page asks for ${request.url().slice(0, 200)}`));
  await tab.goto(url);
  return { context, tab };
}

async function accessible(tab, what) {
  await tab.evaluate(AXE);
  const { violations, passes } = await tab.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  check(passes.length > 10, `${what}: axe looked at nothing`);
  for (const each of violations) {
    const said = `${what}: axe: ${each.impact}: ${each.id}: ${each.help}, ${each.nodes.length} times: ${each.nodes[0].html.slice(0, 200)}`;
    if (["serious", "critical"].includes(each.impact)) check(false, said);
    else console.log(`  ${said}`);
  }
  return violations.length;
}

async function whole(tab, page, what) {
  const found = await tab.evaluate(() => {
    const wide = document.documentElement;
    return {
      title: document.title, rows: document.querySelectorAll("#platforms tbody tr").length, scripts: document.scripts.length,
      foreign: document.querySelectorAll("img, svg, iframe, object, embed, link, [onload], [onerror], [onmouseover], [href^='javascript']").length,
      overflow: wide.scrollWidth - wide.clientWidth,
      outside: [...document.querySelectorAll("main *")].filter((each) => !each.closest(".wide") && each.getBoundingClientRect().right > innerWidth + 1).length,
      text: wide.outerHTML,
    };
  });
  check(found.title === "Data platforms behind Immuta", `${what}: the title is ${found.title}`);
  check(found.rows === page.summary.platforms, `${what}: ${found.rows} rows`);
  check(found.scripts === 1 && found.foreign === 0, `${what}: ${found.scripts} scripts, ${found.foreign} foreign elements`);
  check(found.overflow <= 0 && found.outside === 0, `${what}: wider than the window by ${found.overflow}, ${found.outside} elements stand out`);
  check(!found.text.includes(page.secret), `${what}: a secret is shown`);
}

async function usable(tab, page, what) {
  const counted = async (state) => {
    await tab.locator(`input[name=state][value="${state}"]`).check();
    return tab.locator(SHOWN).count();
  };
  for (const [state, number] of Object.entries(page.summary)) {
    if (number && !["platforms", "unmanaged"].includes(state)) {
      check((await counted(state)) === number, `${what}: the filter ${state} does not show ${number}`);
      check((await tab.locator("#count").textContent()) === `${number} of ${page.summary.platforms} platforms shown`, `${what}: the count of ${state}`);
    }
  }
  check((await counted("")) === page.summary.platforms, `${what}: the filter all`);
  await tab.locator("#search").fill(page.search.toUpperCase());
  check((await tab.locator(SHOWN).count()) >= 1, `${what}: the search finds nothing`);
  check((await tab.locator(SHOWN).first().textContent()).includes(page.search), `${what}: the search finds another`);
  await tab.locator("#search").fill("there is no such platform");
  check((await tab.locator(SHOWN).count()) === 0, `${what}: the search finds what is not there`);
  const [script, layout, again] = await tab.evaluate(() => {
    const search = document.getElementById("search"), spent = [0, 0];
    for (const text of ["w", "wa", "war", ""]) {
      search.value = text;
      const begun = performance.now();
      search.dispatchEvent(new Event("input", { bubbles: true }));
      const done = performance.now();
      document.body.getBoundingClientRect();
      spent[0] += done - begun;
      spent[1] += performance.now() - done;
    }
    return [...spent, document.querySelectorAll("#platforms tbody tr:not([hidden])").length];
  });
  check(again === page.summary.platforms && script < PATIENCE, `${what}: four letters of a search take ${script} ms`);
  return `${script.toFixed(0)} ms and ${layout.toFixed(0)} ms of layout`;
}

async function byKeyboard(tab, what) {
  const focused = () => tab.evaluate(() => document.activeElement.id || document.activeElement.className || document.activeElement.getAttribute("aria-label"));
  const order = [];
  for (let step = 0; step < 5; step += 1) {
    await tab.keyboard.press("Tab");
    order.push(await focused());
  }
  check(order[0] === "skip" && order[1] === "theme" && order[2] === "wide" && order[4] === "search", `${what}: Tab goes to ${order}`);
  const background = () => tab.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const before = await background();
  await tab.locator("#theme").focus();
  await tab.keyboard.press("Enter");
  check((await background()) !== before, `${what}: the theme does not change`);
  await tab.keyboard.press("Enter");
  check((await background()) === before, `${what}: the theme does not change back`);
  await tab.locator(".skip").focus();
  await tab.keyboard.press("Enter");
  check((await focused()) === "platforms", `${what}: the skip link goes elsewhere`);
}

async function printed(tab, what) {
  await tab.emulateMedia({ media: "print", colorScheme: "dark" });
  await tab.setViewportSize({ width: 700, height: 1000 }); // what A4 has between its margins
  const [controls, scheme, cut] = await tab.evaluate(() => [
    document.querySelector(".controls").checkVisibility(), getComputedStyle(document.documentElement).colorScheme,
    [...document.querySelectorAll("table")].filter((table) => table.getBoundingClientRect().right > innerWidth).length,
  ]);
  check(cut === 0, `${what}: on paper ${cut} tables are cut off`);
  check(!controls && scheme === "light", `${what}: on paper there are controls or it is dark`);
  await tab.pdf({ path: path.join(folder, `${what}.pdf`), format: "A4" });
}

async function withoutScript(browser, page) {
  const { context, tab } = await opened(browser, page, { ...VIEWS["desktop-light"], javaScriptEnabled: false });
  check((await tab.locator(ROWS).count()) === page.summary.platforms, "without JavaScript rows are missing");
  check((await tab.locator(`${ROWS}:visible`).count()) === page.summary.platforms, "without JavaScript rows are hidden");
  check(!(await tab.locator("#controls").isVisible()) && !(await tab.locator("#theme").isVisible()), "without JavaScript there are controls that do nothing");
  await context.close();
}

async function main() {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), "report-"));
  process.on("exit", () => fs.rmSync(profile, { recursive: true, force: true }));
  const browser = await chromium.launch({ executablePath: browserPath, args: QUIET, env: { ...process.env, HOME: profile } });
  for (const page of pages) {
    for (const [name, view] of Object.entries(VIEWS)) {
      const what = `${page.name}-${name}`, { context, tab } = await opened(browser, page, view);
      await whole(tab, page, what);
      await tab.screenshot({ path: path.join(folder, `${what}.png`) });
      if (page.name === "40") await tab.screenshot({ path: path.join(folder, `${what}-all.png`), fullPage: true });
      const looks = page.summary.platforms < MANY || VIEWS_OF_MANY.includes(name);
      const found = looks ? `found ${await accessible(tab, what)}` : "not asked", search = await usable(tab, page, what);
      if (name === "desktop-light" && page.name === "40") {
        await tab.reload();
        await byKeyboard(tab, what);
        await printed(tab, what);
      }
      console.log(`${what}: axe ${found}, four letters of a search ${search}`);
      await context.close();
    }
    await withoutScript(browser, page);
  }
  await browser.close();
  console.log(wrong ? `${wrong} things are wrong` : `${pages.length} pages at ${Object.keys(VIEWS).length} views: nothing is wrong`);
  process.exitCode = wrong ? 1 : 0;
}

main().catch((error) => {
  console.error(error);
  process.exit(1); // and with it the browser
});
