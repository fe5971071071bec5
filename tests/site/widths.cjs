// Copyright (c) 2026, the community.immuta contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Opens every page of the site on a desktop and on a phone. No page may scroll sideways, and no picture may be missing.
// The names of pages after the arguments are photographed.
"use strict";

const fs = require("fs");
const path = require("path");

const [packages, site, chromium, ...photographed] = process.argv.slice(2).map((word, number) => (number < 2 ? path.resolve(word) : word));
const { chromium: browserType } = require(path.join(packages, "node_modules", "playwright-core"));
const WIDTHS = [1280, 390];

const pages = fs
  .readdirSync(site, { recursive: true })
  .filter((name) => name.endsWith(".html"))
  .sort();

(async () => {
  const browser = await browserType.launch({ executablePath: chromium, args: ["--no-sandbox"] });
  const problems = [];
  for (const width of WIDTHS) {
    const page = await browser.newPage({ viewport: { width, height: 900 } });
    for (const name of pages) {
      await page.goto(`file://${path.join(site, name)}`, { waitUntil: "load" });
      const found = await page.evaluate(() => {
        const limit = document.documentElement.clientWidth;
        const scrolls = (element) => element && (element.scrollWidth > element.clientWidth && ["auto", "scroll"].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
        const wide = [...document.querySelectorAll(".wy-nav-content *")].filter((each) => each.getBoundingClientRect().right > limit + 1 && !scrolls(each.parentElement));
        return {
          sideways: document.documentElement.scrollWidth > limit,
          wide: wide.slice(0, 3).map((each) => `${each.tagName} ${each.className}: ${each.textContent.trim().slice(0, 60)}`),
          missing: [...document.images].filter((image) => !image.complete || image.naturalWidth === 0).map((image) => image.src),
        };
      });
      if (found.sideways || found.wide.length || found.missing.length) problems.push(`${name} at ${width} px: ${JSON.stringify(found)}`);
      if (photographed.includes(name)) await page.screenshot({ path: `${site}-${path.basename(name, ".html")}-${width}.png`, fullPage: true });
    }
    await page.close();
  }
  await browser.close();
  problems.forEach((problem) => console.log(problem));
  console.log(`${pages.length} pages at ${WIDTHS.join(" and ")} px: ${problems.length} problems`);
  process.exit(pages.length && !problems.length ? 0 : 1);
})();
