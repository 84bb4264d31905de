// What elements with tools of their own begin with: it stands before each of them in its file, because an import would have to know
// the name that a file has by what is in it.

function made(name, set = {}, ...inside) {
  const element = Object.assign(document.createElement(name), set);
  element.append(...inside);
  return element;
}

// Buttons and fields look as everywhere; `own` is what an element has beside that.
function dressed(own) {
  const look = new CSSStyleSheet();
  const page = document.querySelector('link[rel="stylesheet"]')?.sheet?.cssRules ?? [];
  look.replaceSync([...page].map((rule) => rule.cssText).join("\n") + own);
  return look;
}

