// look.js: a page in headless Chromium, light and dark, on a telephone and a
// screen: console messages, requests, sideways scrolling, axe-core's
// violations; on paper: what is wider than A4. Prints a line for each; nothing
// is well.
//
//   NODE_PATH=build/npm/node_modules node look.js page.html [screenshot.png]
'use strict';
const fs = require('fs');
const puppeteer = require('puppeteer-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

// Look at the page once; what is wrong with it.
async function look(browser, address, scheme, width, screenshot) {
	const page = await browser.newPage();
	const wrong = [];
	page.on('console', message => wrong.push(`console: ${message.text()}`));
	page.on('pageerror', error => wrong.push(`error: ${error}`));
	page.on('dialog', dialog => { wrong.push('a script ran'); dialog.dismiss(); });
	page.on('request', request => {
		if (request.url() !== address && !request.url().startsWith('data:'))
			wrong.push(`request: ${request.url()}`);
	});
	await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
	await page.setViewport({ width, height: 900 });
	await page.goto(address, { waitUntil: 'load' });
	const scroll = await page.evaluate(() => document.documentElement.scrollWidth);
	if (scroll > width)
		wrong.push(`${scroll} pixels wide`);
	if (screenshot)
		await page.screenshot({ path: screenshot });
	// The page's own policy would not let axe in.
	await (await page.createCDPSession()).send('Page.setBypassCSP', { enabled: true });
	await page.reload({ waitUntil: 'load' });
	await page.evaluate(axe);
	for (const violation of (await page.evaluate(() => axe.run())).violations)
		wrong.push(`axe: ${violation.id}: ${violation.nodes[0].html}`);
	await page.close();
	return wrong.map(what => `${scheme}, ${width} pixels: ${what}`);
}

// Look whether the page is as wide as A4 between its margins, 182 mm.
async function lookAtPaper(browser, address) {
	const page = await browser.newPage();
	await page.emulateMediaType('print');
	await page.setViewport({ width: 688, height: 900 });
	await page.goto(address, { waitUntil: 'load' });
	const wide = await page.evaluate(() => document.documentElement.scrollWidth);
	await page.close();
	return wide > 688 ? [`paper: ${wide} pixels wide`] : [];
}

(async () => {
	const [file, screenshot] = process.argv.slice(2);
	const browser = await puppeteer.launch({
		executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'],
	});
	const address = `file://${fs.realpathSync(file)}`;
	for (const line of await lookAtPaper(browser, address))
		console.log(line);
	for (const scheme of ['light', 'dark'])
		for (const width of [360, 1400]) {
			const picture = scheme === 'light' && width === 1400 ? screenshot : undefined;
			for (const line of await look(browser, address, scheme, width, picture))
				console.log(line);
		}
	await browser.close();
})();
