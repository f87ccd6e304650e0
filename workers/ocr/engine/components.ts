/** Connected components of a mask. */

export interface Component {
  pixels: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
  touchesBorder: boolean;
}

/**
 * @param mask width × height, anything but 0 belongs to a component (4-connected)
 * @returns components in order of their first pixel; `labels[i]` is 1 + the component of pixel i, 0 for none
 */
export function findComponents(
  mask: Uint8Array,
  width: number,
  height: number,
): { labels: Int32Array; components: Component[] } {
  const labels = new Int32Array(width * height);
  const stack = new Int32Array(width * height);
  const components: Component[] = [];
  for (let seed = 0; seed < labels.length; seed++) {
    if (mask[seed] === 0 || labels[seed] !== 0) continue;
    const component = { pixels: 0, left: width, right: 0, top: height, bottom: 0, touchesBorder: false };
    const label = components.push(component);
    let depth = 0;
    stack[depth++] = seed;
    labels[seed] = label;
    const visit = (index: number) => {
      if (mask[index] === 0 || labels[index] !== 0) return;
      labels[index] = label;
      stack[depth++] = index;
    };
    while (depth > 0) {
      const index = stack[--depth]!;
      const y = (index / width) | 0;
      const x = index - y * width;
      component.pixels += 1;
      component.left = Math.min(component.left, x);
      component.right = Math.max(component.right, x);
      component.top = Math.min(component.top, y);
      component.bottom = Math.max(component.bottom, y);
      if (x > 0) visit(index - 1);
      if (x < width - 1) visit(index + 1);
      if (y > 0) visit(index - width);
      if (y < height - 1) visit(index + width);
    }
    component.touchesBorder =
      component.left === 0 ||
      component.top === 0 ||
      component.right === width - 1 ||
      component.bottom === height - 1;
  }
  return { labels, components };
}
