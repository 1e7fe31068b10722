// SPDX-License-Identifier: Apache-2.0
// The official SDKs for Java at providers of every dialect: chat, streams, tools, errors (../../../../../world.py answers).

import com.anthropic.client.AnthropicClient;
import com.anthropic.client.okhttp.AnthropicOkHttpClient;
import com.anthropic.models.messages.Message;
import com.anthropic.models.messages.MessageCreateParams;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.genai.Client;
import com.google.genai.errors.ApiException;
import com.google.genai.types.Content;
import com.google.genai.types.FunctionCall;
import com.google.genai.types.FunctionDeclaration;
import com.google.genai.types.GenerateContentConfig;
import com.google.genai.types.GenerateContentResponse;
import com.google.genai.types.HttpOptions;
import com.google.genai.types.HttpRetryOptions;
import com.google.genai.types.Part;
import com.google.genai.types.Tool;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.models.FunctionDefinition;
import com.openai.models.FunctionParameters;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionFunctionTool;
import com.openai.models.chat.completions.ChatCompletionMessageFunctionToolCall;
import com.openai.models.chat.completions.ChatCompletionToolMessageParam;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

public class Suite {
	static final String URL = System.getenv("WEIR_URL"), KEY = System.getenv("WEIR_KEY");
	static final String[] DIALECTS = { "openai-chat", "openai-responses", "anthropic", "gemini", "bedrock", "cohere", "ollama" };
	static final Map<String, Object> CITY = Map.of("city", Map.of("type", "string"));
	static int failed, spare;

	/** One SDK. */
	interface Sdk {
		String ask(String key, String model, String text, boolean stream) throws Exception;

		/** The call's name and arguments, and the text after its result. */
		List<String> tool(String model) throws Exception;

		/** 0: it is not the SDK's own exception. */
		int status(Exception error);
	}

	static void check(String name, Object want, Callable<Object> got) {
		Object is;
		try {
			is = got.call();
		} catch (Exception error) {
			is = error;
		}
		if (want.equals(is)) {
			System.out.println("ok " + name);
			return;
		}
		failed++;
		System.out.println("FAILED " + name + ": " + is + " instead of " + want);
	}

	static int statusOf(Sdk sdk, Callable<Object> ask) {
		try {
			ask.call();
		} catch (Exception error) {
			return sdk.status(error);
		}
		return 200;
	}

	static void run(String name, Sdk sdk) {
		for (String dialect : DIALECTS) {
			String at = name + " at " + dialect, model = "at-" + dialect;
			for (boolean stream : new boolean[] { false, true }) {
				check(at + ": text, stream " + stream, "Hello, you there.", () -> sdk.ask(KEY, model, "Say hello.", stream));
				for (int status : new int[] { 400, 429, 500 }) {
					String failing = model + "-" + spare++;
					check(at + ": failing with " + status + ", stream " + stream, status == 500 ? 502 : status,
						() -> statusOf(sdk, () -> sdk.ask(KEY, failing, "Fail with " + status, stream)));
				}
			}
			check(at + ": tool", List.of("get_weather", "Oslo", "It is cold."), () -> sdk.tool(model));
			check(at + ": a wrong key", 401, () -> statusOf(sdk, () -> sdk.ask("weir-app-key-of-nobody", model, "Say hello.", false)));
			check(at + ": an unknown model", 404, () -> statusOf(sdk, () -> sdk.ask(KEY, "no-such-model", "Say hello.", false)));
		}
	}

	static class OpenAI implements Sdk {
		OpenAIClient open(String key) {
			return OpenAIOkHttpClient.builder().apiKey(key).baseUrl(URL + "/v1").maxRetries(0).build();
		}

		public String ask(String key, String model, String text, boolean stream) {
			ChatCompletionCreateParams body = ChatCompletionCreateParams.builder().model(model).addUserMessage(text).build();
			StringBuilder said = new StringBuilder();
			if (!stream)
				return open(key).chat().completions().create(body).choices().get(0).message().content().get();
			try (var events = open(key).chat().completions().createStreaming(body)) {
				events.stream().forEach(chunk -> chunk.choices().forEach(choice -> choice.delta().content().ifPresent(said::append)));
			}
			return said.toString();
		}

		public List<String> tool(String model) throws Exception {
			var parameters = FunctionParameters.builder().putAdditionalProperty("type", JsonValue.from("object"))
				.putAdditionalProperty("properties", JsonValue.from(CITY)).build();
			var function = FunctionDefinition.builder().name("get_weather").parameters(parameters).build();
			var body = ChatCompletionCreateParams.builder().model(model).addUserMessage("How is the weather?")
				.addTool(ChatCompletionFunctionTool.builder().function(function).build());
			OpenAIClient client = open(KEY);
			ChatCompletion answer = client.chat().completions().create(body.build());
			var message = answer.choices().get(0).message();
			ChatCompletionMessageFunctionToolCall call = message.toolCalls().get().get(0).asFunction();
			JsonNode input = new ObjectMapper().readTree(call.function().arguments());
			body.addMessage(message).addMessage(ChatCompletionToolMessageParam.builder().toolCallId(call.id()).content("3 degrees").build());
			String after = client.chat().completions().create(body.build()).choices().get(0).message().content().get();
			return List.of(call.function().name(), input.get("city").asText(), after);
		}

		public int status(Exception error) {
			return error instanceof com.openai.errors.OpenAIServiceException known ? known.statusCode() : 0;
		}
	}

	static class Anthropic implements Sdk {
		AnthropicClient open(String key) {
			return AnthropicOkHttpClient.builder().apiKey(key).baseUrl(URL).maxRetries(0).build();
		}

		static String textOf(Message message) {
			StringBuilder said = new StringBuilder();
			message.content().forEach(block -> block.text().ifPresent(text -> said.append(text.text())));
			return said.toString();
		}

		public String ask(String key, String model, String text, boolean stream) {
			MessageCreateParams body = MessageCreateParams.builder().model(model).maxTokens(4000).addUserMessage(text).build();
			StringBuilder said = new StringBuilder();
			if (!stream)
				return textOf(open(key).messages().create(body));
			try (var events = open(key).messages().createStreaming(body)) {
				events.stream().flatMap(event -> event.contentBlockDelta().stream()).flatMap(event -> event.delta().text().stream())
					.forEach(delta -> said.append(delta.text()));
			}
			return said.toString();
		}

		public List<String> tool(String model) throws Exception {
			var properties = com.anthropic.models.messages.Tool.InputSchema.Properties.builder()
				.putAdditionalProperty("city", com.anthropic.core.JsonValue.from(CITY.get("city"))).build();
			var tool = com.anthropic.models.messages.Tool.builder().name("get_weather")
				.inputSchema(com.anthropic.models.messages.Tool.InputSchema.builder().properties(properties).build()).build();
			var body = MessageCreateParams.builder().model(model).maxTokens(4000).addTool(tool).addUserMessage("How is the weather?");
			AnthropicClient client = open(KEY);
			Message message = client.messages().create(body.build());
			var call = message.content().stream().flatMap(block -> block.toolUse().stream()).findFirst().get();
			var result = com.anthropic.models.messages.ToolResultBlockParam.builder().toolUseId(call.id()).content("3 degrees").build();
			body.addMessage(message)
				.addUserMessageOfContentBlockParams(List.of(com.anthropic.models.messages.ContentBlockParam.ofToolResult(result)));
			Map<?, ?> input = call._input().convert(Map.class);
			return List.of(call.name(), String.valueOf(input.get("city")), textOf(client.messages().create(body.build())));
		}

		public int status(Exception error) {
			return error instanceof com.anthropic.errors.AnthropicServiceException known ? known.statusCode() : 0;
		}
	}

	static class Google implements Sdk {
		Client open(String key) {
			HttpOptions once = HttpOptions.builder().baseUrl(URL).retryOptions(HttpRetryOptions.builder().attempts(1).build()).build();
			return Client.builder().apiKey(key).httpOptions(once).build();
		}

		public String ask(String key, String model, String text, boolean stream) {
			if (!stream)
				return open(key).models.generateContent(model, text, null).text();
			StringBuilder said = new StringBuilder();
			try (var chunks = open(key).models.generateContentStream(model, text, null)) {
				for (GenerateContentResponse chunk : chunks)
					if (chunk.text() != null)
						said.append(chunk.text());
			}
			return said.toString();
		}

		public List<String> tool(String model) {
			var function = FunctionDeclaration.builder().name("get_weather")
				.parametersJsonSchema(Map.of("type", "object", "properties", CITY)).build();
			var config = GenerateContentConfig.builder().tools(Tool.builder().functionDeclarations(function)).build();
			List<Content> contents = new ArrayList<>(List.of(Content.fromParts(Part.fromText("How is the weather?"))));
			Client client = open(KEY);
			GenerateContentResponse answer = client.models.generateContent(model, contents, config);
			FunctionCall call = answer.functionCalls().get(0);
			contents.add(answer.candidates().get().get(0).content().get());
			contents.add(Content.fromParts(Part.fromFunctionResponse(call.name().get(), Map.of("output", "3 degrees"))));
			String after = client.models.generateContent(model, contents, config).text();
			return List.of(call.name().get(), String.valueOf(call.args().get().get("city")), after);
		}

		public int status(Exception error) {
			return error instanceof ApiException known ? known.code() : 0;
		}
	}

	public static void main(String[] arguments) {
		run("openai", new OpenAI());
		run("anthropic", new Anthropic());
		run("google", new Google());
		System.exit(failed == 0 ? 0 : 1);
	}
}
