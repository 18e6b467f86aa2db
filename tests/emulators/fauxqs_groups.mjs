// Loaded before fauxqs: brings the order of its FIFO queues nearer to Amazon's. By itself it gives one
// message of a group in an answer, where the service gives as many as it can, and puts those of a
// group whose times end together back in the wrong order.
import { SqsQueue } from "./node_modules/fauxqs/dist/sqs/sqsStore.js";

const queue = SqsQueue.prototype;
const { enqueue, dequeueFifo, processTimers, changeVisibility } = queue;
for (const [name, found] of Object.entries({ enqueue, dequeueFifo, processTimers, changeVisibility })) {
  if (typeof found !== "function") throw new Error(`fauxqs has no ${name} any more: mend this file`);
}

let arrivals = 0;
queue.enqueue = function (message) {
  message.arrival = ++arrivals;
  return enqueue.call(this, message);
};

function sortGroups(queue) {
  for (const messages of queue.fifoMessages.values()) {
    messages.sort((a, b) => a.arrival - b.arrival);
  }
}

queue.processTimers = function () {
  processTimers.call(this);
  sortGroups(this);
};

queue.changeVisibility = function (receiptHandle, timeout) {
  changeVisibility.call(this, receiptHandle, timeout);
  sortGroups(this);
};

// Round by round, one message of each group: a group that only this call has locked gives its next.
queue.dequeueFifo = function (most, ...parameters) {
  this.processTimers();
  const result = [];
  const locked = new Map();
  for (;;) {
    const before = new Map(this.fifoLockedGroups);
    const round = dequeueFifo.call(this, Math.min(most, 10) - result.length, ...parameters);
    if (round.length === 0) break;
    result.push(...round);
    for (const [group, count] of this.fifoLockedGroups) {
      const more = count - (before.get(group) ?? 0);
      if (more <= 0) continue;
      locked.set(group, (locked.get(group) ?? 0) + more);
      if (count === more) this.fifoLockedGroups.delete(group);
      else this.fifoLockedGroups.set(group, count - more);
    }
  }
  for (const [group, count] of locked) {
    this.fifoLockedGroups.set(group, (this.fifoLockedGroups.get(group) ?? 0) + count);
  }
  return result;
};
