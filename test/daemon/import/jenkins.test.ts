import { describe, expect, test } from 'vitest';
import { imported, named, problemsOf } from './support.ts';

const casc = (resources: string): string =>
  `jenkins: {systemMessage: hello}\nunclassified:\n  lockableResourcesManager:\n    declaredResources:\n${resources}`;

const MANAGER = 'org.jenkins.plugins.lockableresources.LockableResourcesManager';
const RESOURCE = 'org.jenkins.plugins.lockableresources.LockableResource';
const xml = (resources: string): string =>
  `<?xml version='1.1' encoding='UTF-8'?>\n<${MANAGER} plugin="lockable-resources@1349">\n<resources>\n${resources}\n</resources>\n<remotes/>\n</${MANAGER}>\n`;
const resource = (fields: string): string => `<${RESOURCE}>${fields}</${RESOURCE}>`;

describe('a JCasC file', () => {
  test('gives names, descriptions, labels as tags, and properties that compare as numbers', () => {
    const read = imported(
      casc(`      - name: plc-1
        description: S7
        labels: "plc:S7  model:1200"
        properties: [{name: mem, value: "16"}, {name: fast, value: "true"}, {name: serial, value: "007"}]
      - name: plc-2
`),
    );
    expect(read).toEqual({
      format: 'jenkins',
      warnings: [],
      resources: [
        {
          name: 'plc-1',
          description: 'S7',
          tags: ['plc:S7', 'model:1200'],
          properties: { mem: 16, fast: true, serial: '007' },
        },
        { name: 'plc-2' },
      ],
    });
  });

  test.each([
    ['its section alone', 'lockableResourcesManager: {declaredResources: [{name: a}]}'],
    ['what an export begins with', 'allowEphemeralResources: true\ndeclaredResources: [{name: a}]'],
  ])('may be %s', (_, text) => {
    expect(imported(text)).toMatchObject({ format: 'jenkins', resources: [{ name: 'a' }] });
  });

  test('keeps a note, and tells of who reserved it, of variables, of unknown keys and of names given twice', () => {
    const { resources, warnings } = imported(
      casc(`      - {name: a, note: "cable\\n broken", reservedBy: carol, reservedTimestamp: 2026-05-01}
      - {name: 'b-\${HOST}', labls: x}
      - {name: a, labls: x}
`),
    );
    expect(resources).toEqual([{ name: 'a' }, { name: `b-\${HOST}` }]);
    expect(warnings).toEqual([
      'file:5:16: a is reserved by carol since 2026-05-01 in Jenkins; here it is free',
      expect.stringMatching(/^file:6:16: "b-\$\{HOST\}" has a variable/),
      'file:6:29: nobody here knows the key "labls"; it is left out (and once more)',
      'file:7:16: "a" is given 2 times; the last counts',
    ]);
    expect(imported(casc('      - {name: a, note: "cable\\n broken"}\n')).resources).toEqual([
      { name: 'a', properties: { note: 'cable broken' } },
    ]);
  });

  test('is told where it is wrong', () => {
    expect(
      problemsOf(casc(`      - {name: "a,b"}\n      - {name: c, labels: "x,y"}\n      - {labels: z}\n      - text\n`)),
    ).toEqual([
      'file:5:16: a name has no comma: "a,b"',
      'file:6:27: tags of c: a tag has neither spaces nor commas, found "x,y"',
      'file:7:9: expected a text for "name", found none',
      'file:8:9: expected a list under unclassified.lockableResourcesManager.declaredResources: each of them a map, found "text"',
    ]);
    expect(problemsOf('unclassified: {lockableResourcesManager: {allowEmptyOrNullValues: true}}')).toEqual([
      'file: expected a list under unclassified.lockableResourcesManager.declaredResources, found none',
    ]);
  });

  test('gives no property that may be a secret, and none of its values is told', () => {
    const read = imported(
      casc(`      - name: a
        properties:
          - {name: db_password, value: hunter2}
          - {name: url, value: "https://me:hunter2@host/x"}
          - {name: Serial No, value: 7}
`),
    );
    expect(read.resources).toEqual([{ name: 'a', properties: { Serial_No: 7 } }]);
    expect(read.warnings).toHaveLength(3);
    expect(JSON.stringify(read)).not.toContain('hunter2');
  });
});

describe('the XML of Jenkins', () => {
  test('gives the same, in the spelling of any release, and says who has what', () => {
    const text = xml(
      [
        resource(`<name>a</name><description>x &amp; y</description><labelsAsList><string>p</string><string>q</string></labelsAsList>
          <reservedBy>alice</reservedBy><note></note><ephemeral>false</ephemeral><stolen>false</stolen><queueItemId>0</queueItemId>
          <properties><p><name>mem</name><value>16</value></p></properties><queuedContexts/>`),
        resource('<name>b</name><labels>p  q</labels><buildExternalizableId>job#7</buildExternalizableId>'),
        resource('<name>c</name><labels><string>p</string></labels><note><![CDATA[<b>see</b>]]></note>'),
        resource('<name>d</name><ephemeral>true</ephemeral>'),
      ].join('\n'),
    );
    expect(imported(text)).toEqual({
      format: 'jenkins',
      resources: [
        { name: 'a', description: 'x & y', tags: ['p', 'q'], properties: { mem: 16 } },
        { name: 'b', tags: ['p', 'q'] },
        { name: 'c', tags: ['p'], properties: { note: '<b>see</b>' } },
      ],
      warnings: [
        expect.stringMatching(/^file:4:\d+: a is reserved by alice in Jenkins; here it is free$/),
        expect.stringMatching(/^file:7:\d+: b is locked by job#7 in Jenkins; here it is free$/),
        expect.stringMatching(/^file:9:\d+: d was made up by Jenkins for one lock \(ephemeral\); it is left out$/),
      ],
    });
  });

  test.each([
    ['a tag that does not close', xml('<x><name>a</b></x>'), /^file:4:14: unexpected close tag$/],
    ['an end that is missing', `<${MANAGER}><resources>`, /^file:1:\d+: unclosed tag: resources$/],
    ['no resources', `<${MANAGER}/>`, /^file:1:1: expected <resources> in it, found none$/],
    ['a name with a comma', xml(resource('<name>a,b</name>')), /^file:4:\d+: a name has no comma: "a,b"$/],
    [
      'a thing without a name',
      xml(resource('<labels>x</labels>')),
      /^file:4:1: expected a text for "name", found none$/,
    ],
    ['an entity that is not known', xml(resource('<name>&x;</name>')), /^file:4:\d+: undefined entity$/],
    [
      'entities that grow, or refer to files',
      `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>\n<${MANAGER}><resources>&a;</resources></${MANAGER}>`,
      /^file:1:1: a document type \(<!DOCTYPE\) is not read$/,
    ],
    ['elements without end', xml('<a>'.repeat(100_000)), /^file:4:\d+: nested more than 100 levels deep$/],
  ])('is told where it has %s', (_, text, problem) => {
    expect(problemsOf(text)).toEqual([expect.stringMatching(problem)]);
  });

  test('other XML is known as such, also where it is said to be this', () => {
    expect(problemsOf('<hudson/>')).toEqual([expect.stringMatching(/^file: this kind of XML is not known/)]);
    expect(problemsOf('<hudson/>', { format: 'jenkins' })).toEqual([
      expect.stringMatching(/^file:1:1: expected <org\.jenkins/),
    ]);
  });
});

test('what the API of Jenkins answers gives the same', () => {
  const one = {
    ...{ name: 'a', description: '', note: '', labels: 'p q', labelsAsList: ['p', 'q'], ephemeral: false },
    ...{ free: false, locked: true, reserved: false, buildName: 'job #7', lockCause: 'x', stolen: false },
    properties: [{ name: 'mem', value: '16' }],
  };
  const read = imported(
    JSON.stringify({ _class: 'org.jenkins.plugins.lockableresources.actions.X', resources: [one] }),
  );
  expect(read.format).toBe('jenkins');
  expect(named(read, 'a')).toEqual({ name: 'a', description: '', tags: ['p', 'q'], properties: { mem: 16 } });
  expect(read.warnings).toEqual(['file:1:82: a is locked by job #7 in Jenkins; here it is free']);
});
