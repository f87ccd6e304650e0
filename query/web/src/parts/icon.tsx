/** Small line drawings; they decorate words that say the same, so nothing reads them aloud. */
const DRAWINGS = {
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16.5 16.5 21 21',
  close: 'M6 6l12 12M18 6 6 18',
  picture: 'M4 5h16v14H4zM4 16l4.5-4.5 3.5 3.5 3-3L20 16M15.5 9.2v.1',
  play: 'M8 5.5v13l11-6.5z',
  said: 'M4 5h16v10H11l-4.5 4v-4H4z',
  shown: 'M4 6h16v12H4zM8 14.5h8M10 11h4',
  seen: 'M2.5 12S6 5.8 12 5.8 21.5 12 21.5 12 18 18.2 12 18.2 2.5 12 2.5 12zM12 9.3a2.7 2.7 0 1 0 0 5.4 2.7 2.7 0 0 0 0-5.4z',
  who: 'M12 4.2a3.9 3.9 0 1 0 0 7.8 3.9 3.9 0 0 0 0-7.8zM4.5 20.5c.6-4 3.7-6 7.5-6s6.9 2 7.5 6',
  about: 'M5 4h14v16H5zM8.5 8.5h7M8.5 12h7M8.5 15.5h4',
  heard: 'M4 10v4M8 7v10M12 4v16M16 8v8M20 10.5v3',
  clicked: 'M12 20S4 15 4 9.3A4.2 4.2 0 0 1 12 7.4a4.2 4.2 0 0 1 8 1.9C20 15 12 20 12 20z',
  why: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9.5 9.3c.2-1.6 1.2-2.3 2.5-2.3 1.5 0 2.6.9 2.6 2.3 0 2-2.6 2.2-2.6 4.2M12 16.7v.1',
  wrong: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM5.7 5.7l12.6 12.6',
  filter: 'M4 7h16M7 12h10M10 17h4',
  warn: 'M12 4 2.8 19.5h18.4zM12 10v4.5M12 17v.1',
  note: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5.5M12 7.7v.1',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5v2.5M12 19v2.5M2.5 12H5M19 12h2.5M5.3 5.3 7 7M17 17l1.7 1.7M18.7 5.3 17 7M7 17l-1.7 1.7',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z',
  device: 'M3 5h18v11H3zM9 20h6M12 16v4',
  keyboard: 'M2.5 6h19v12h-19zM6 10v.1M10 10v.1M14 10v.1M18 10v.1M8 14h8',
  leave: 'M14 4H5v16h9M10 12h11M17.5 8.5 21 12l-3.5 3.5',
  back: 'M15 5l-7 7 7 7',
  link: 'M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7l1-1',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  like: 'M4 4h10v10H4zM10 10h10v10H10z',
} as const;

export type IconName = keyof typeof DRAWINGS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={DRAWINGS[name]} />
    </svg>
  );
}
