import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { describeIndexed } from '../../test/fixtures/stages.ts';
import { type TestApi, testApi } from './testing.ts';

let api: TestApi;
beforeAll(async () => {
  api = await testApi();
});
afterAll(() => api.dispose());

describeIndexed('GET /v1/suggest', () => {
  const suggest = async (q: string, of = api) =>
    ((await of.ask(`/v1/suggest?q=${encodeURIComponent(q)}`)).json() as { suggestions: { text: string }[] })
      .suggestions;

  it('completes titles and series, Chinese ones by pinyin and initials too', async () => {
    expect(await suggest('dogs o')).toEqual([{ text: 'Dogs of the park', kind: 'title' }]);
    expect(await suggest('jiachang')).toContainEqual({ text: '家常菜', kind: 'series' });
    expect(await suggest('bei')).toContainEqual({ text: '北京早晨的厨房', kind: 'title' });
  });

  it('offers what was asked with success, to the same tenant only', async () => {
    const one = await testApi();
    onTestFinished(() => one.dispose());
    await one.ask('/v1/search?q=newton%20gravity');
    await one.ask('/v1/search?q=newspaper%20of%20mars');
    expect(await suggest('new', one)).toEqual([{ text: 'newton gravity', kind: 'recent' }]);
    expect(await suggest('', one)).toEqual([{ text: 'newton gravity', kind: 'recent' }]);
    const rival = await one.key(['search'], 'rival');
    expect((await one.ask('/v1/suggest?q=new', { key: rival })).json()).toEqual({ suggestions: [] });
  });
});
