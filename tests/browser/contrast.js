// WCAG 2.2, 1.4.3: the contrast of each piece of text with what is drawn behind it, from computed styles.
// Called with a CSS selector; returns how many pieces were judged and those that fall short.
where => {
  const channels = color => {
    const numbers = (color.match(/[\d.]+(e-?\d+)?/g) || []).map(Number);
    const [r, g, b, a = 1] = color.startsWith('color(') ? numbers.map((n, i) => i < 3 ? 255 * n : n) : numbers;
    return [r, g, b, a];
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => a * c + (1 - a) * under[i]);
  const luminance = rgb => {
    const [r, g, b] = rgb.map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const lineage = element => {
    const all = [];
    for (let at = element; at; at = at.parentElement) all.unshift(getComputedStyle(at));
    return all;
  };
  const ground = styles => styles.reduce((under, s) => over(channels(s.backgroundColor), under), [255, 255, 255]);
  const judge = text => {
    const styles = lineage(text.parentElement), style = styles[styles.length - 1];
    const behind = ground(styles);
    const [r, g, b, a] = channels(style.color);
    const faded = styles.reduce((sum, s) => sum * Number(s.opacity), a);
    const size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
    const needed = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
    const found = ratio(over([r, g, b, faded], behind), behind);
    return {needed, found: Math.round(100 * found) / 100, text: text.data.trim().slice(0, 40),
      color: style.color, behind: behind.map(Math.round).join(','),
      where: text.parentElement.className || text.parentElement.tagName};
  };
  const shown = element => element.checkVisibility({opacityProperty: true, visibilityProperty: true})
    && element.getClientRects().length && !element.closest('svg, script, style, [aria-hidden="true"]');
  const judged = [];
  for (const part of document.querySelectorAll(where)) {
    const texts = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const text = texts.currentNode;
      if (text.data.trim() && shown(text.parentElement)) judged.push(judge(text));
    }
  }
  return {judged: judged.length, wrong: judged.filter(each => each.found < each.needed)};
}
