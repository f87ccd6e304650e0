export interface Bar {
  name: string;
  /** Signed; bars are compared with the longest. */
  size: number;
  /** What the bar stands for, in figures. */
  told: string;
}

export function Bars({ bars }: { bars: readonly Bar[] }) {
  const most = Math.max(...bars.map(({ size }) => Math.abs(size)), Number.EPSILON);
  return (
    <dl class="bars">
      {bars.map(({ name, size, told }) => (
        <div key={name} class={size < 0 ? 'bar-row bar-less' : 'bar-row'}>
          <dt>{name}</dt>
          <dd>
            <span
              class="bar-length"
              style={{ width: `${(Math.abs(size) / most) * 100}%` }}
              aria-hidden="true"
            />
            <span class="bar-told">{told}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
