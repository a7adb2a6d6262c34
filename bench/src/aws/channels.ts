/** One way that messages go. */
export interface Channel {
  /** Where they are sent: the URL of the queue, or the ARN of the topic that it is subscribed to. */
  readonly address: string;
  /** Where they arrive. */
  readonly queueUrl: string;
}

/** Where the processes of one contender meet. */
export interface Channels {
  readonly endpoint: string;
  /** Names the client whose responses these are. */
  readonly clientId: string;
  readonly requests: Channel;
  readonly responses: Channel;
}
