/** The DOM within `root`, node by node: two texts side by side differ from one. */
export function dump(root: Node): readonly unknown[] {
  return [...root.childNodes].map((node) => {
    if (!(node instanceof Element)) return node.nodeValue
    const attributes = [...node.attributes].map(({ name, value }) => `${name}=${value}`).sort()
    return [node.localName, attributes, ...dump(node)]
  })
}
