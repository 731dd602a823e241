import { describe, expect, test } from 'vitest';
import { imported, problemsOf } from './support.ts';

const PLACES = `board-1:
  acquired: ws-3/bob
  acquired_resources: [[pi, pdu, NetworkPowerPort, port-1]]
  aliases: [demo]
  allowed: [ws-3/bob]
  changed: 1575386386.3
  comment: rack 7
  created: 1575376664.3
  matches:
  - {cls: '*', exporter: '*', group: example-group, name: null, rename: null}
  - {cls: NetworkPowerPort, exporter: pi, group: pdu, name: port-1, rename: power}
  reservation: null
  tags: {board: imx6, rack: '7'}
board-2:
  acquired: null
  comment: ''
  matches: []
  tags: {}
`;

const BOARD_1 = {
  ...{ name: 'board-1', description: 'rack 7', tags: ['demo'], properties: { board: 'imx6', rack: 7 } },
  endpoint: '*/example-group/* pi/pdu/NetworkPowerPort/port-1',
};

describe('places', () => {
  test('of the coordinator: tags are properties, aliases are tags, matches are where it is, and who has one is said', () => {
    expect(imported(PLACES)).toEqual({
      format: 'labgrid',
      resources: [BOARD_1, { name: 'board-2', description: '', endpoint: '', properties: {} }],
      warnings: ['file:1:1: board-1 is acquired by ws-3/bob in labgrid; here it is free'],
    });
  });

  test('as the client prints them give the same', () => {
    const printed = `Place 'board-1':
  aliases: demo
  comment: rack 7
  tags: board=imx6, rack=7
  matches:
    */example-group/*
    pi/pdu/NetworkPowerPort/port-1 -> power
  acquired: ws-3/bob
  acquired resources:
    pi/pdu/NetworkPowerPort/port-1 -> power
  allowed: ws-3/bob
  created: 2019-12-03 12:37:44.312045
  changed: 2019-12-03 15:19:46.311573
Place 'board-2':
  matches:
  acquired: None
  acquired resources:
  created: 2019-12-03 12:37:44.312045
`;
    const { format, resources, warnings } = imported(printed);
    expect(format).toBe('labgrid');
    expect(resources).toEqual([BOARD_1, { name: 'board-2', endpoint: '', properties: {} }]);
    expect(warnings).toEqual(['file:1:1: board-1 is acquired by ws-3/bob in labgrid; here it is free']);
  });

  test.each([
    [
      'an alias with a space',
      'a: {matches: [], aliases: [b c]}',
      'file:1:28: tags of a: a tag has neither spaces nor commas, found "b c"',
    ],
    ['a place that is a text', 'a: {matches: []}\nb: x', 'file:2:1: "b": expected a map, found "x"'],
    ['a name with a comma', '"a,b": {matches: []}', 'file:1:1: a name has no comma: "a,b"'],
  ])('are told where there is %s', (_, text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });

  test('of another kind are told as such', () => {
    expect(problemsOf('[a]', { format: 'labgrid' })).toEqual([
      'file:1:1: expected places or groups by name, found a list',
    ]);
  });
});

describe('the configuration of an exporter', () => {
  test('a group is a resource, with its classes as tags and its address; nothing else of it is read', () => {
    const read = imported(`rack-12:
  location: lab
  console-main:
    cls: USBSerialPort
    match: {'@ID_PATH': pci-0000}
  NetworkService: {address: 10.0.0.7, port: 2222, username: root, password: hunter2}
desk:
  SysfsGPIO: {index: 60, invert: False}
`);
    expect(read).toEqual({
      format: 'labgrid',
      resources: [
        {
          ...{ name: 'rack-12', endpoint: '10.0.0.7:2222', tags: ['USBSerialPort', 'NetworkService'] },
          properties: { location: 'lab' },
        },
        { name: 'desk', tags: ['SysfsGPIO'] },
      ],
      warnings: [],
    });
  });

  test('that is a template is to be rendered first', () => {
    expect(
      problemsOf('# for idx in range(1, 17)\n{{ 1000 + idx }}:\n  NetworkSerialPort: {host: a}\n# endfor\n'),
    ).toContain('file: it looks like a template: render it first');
  });
});
