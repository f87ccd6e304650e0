/** Reads the summary that ffmpeg's ebur128 filter writes when it ends (EBU R128, EBU Tech 3341 and 3342). */

export interface Loudness {
  integratedLufs: number | null;
  rangeLu: number | null;
  truePeakDbtp: number | null;
}

/** The filter's answer for "nothing above the gate". */
const GATE_LUFS = -70;

/** @param stderr what ffmpeg wrote; only the last summary counts, so a title that imitates one changes nothing */
export function parseLoudness(stderr: string): Loudness {
  const start = stderr.lastIndexOf('Summary:');
  const summary = start < 0 ? '' : stderr.slice(start);
  const value = (name: string, unit: string): number | null => {
    const text = new RegExp(`\\b${name}:\\s*(-?[\\d.]+|-?inf|nan)\\s*${unit}`).exec(summary)?.[1];
    const number = Number(text);
    return text === undefined || !Number.isFinite(number) ? null : number;
  };
  const integrated = value('I', 'LUFS');
  const measurable = integrated !== null && integrated > GATE_LUFS;
  return {
    integratedLufs: measurable ? integrated : null,
    rangeLu: measurable ? value('LRA', 'LU') : null,
    truePeakDbtp: value('Peak', 'dBFS'),
  };
}
