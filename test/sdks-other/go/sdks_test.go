// SPDX-License-Identifier: Apache-2.0

// Package sdks runs the official SDKs for Go at providers of every dialect: chat, streams, tools, errors (../world.py answers).
package sdks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/anthropics/anthropic-sdk-go/v2"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/v2/option"
	"github.com/openai/openai-go/v3"
	openaioption "github.com/openai/openai-go/v3/option"
	"google.golang.org/genai"
)

var dialects = []string{"openai-chat", "openai-responses", "anthropic", "gemini", "bedrock", "cohere", "ollama"}

var schema = map[string]any{
	"type":                 "object",
	"properties":           map[string]any{"city": map[string]any{"type": "string"}},
	"required":             []string{"city"},
	"additionalProperties": false,
}

// asked is what one call of an SDK came to.
type asked struct {
	text          string
	input, output int64
}

// sdk is one SDK: its ways to ask, to run a tool, and to tell a failure's status.
type sdk struct {
	name   string
	ask    func(key, model, text string, stream bool) (asked, error)
	tool   func(model string) (name, city, after string, err error)
	status func(error) int
}

func check(t *testing.T, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestSDKs(t *testing.T) {
	key, spare := os.Getenv("WEIR_KEY"), 0
	for _, s := range []sdk{openaiSDK(), anthropicSDK(), googleSDK()} {
		for _, dialect := range dialects {
			model := "at-" + dialect
			for _, stream := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/text,stream=%v", s.name, dialect, stream), func(t *testing.T) {
					got, err := s.ask(key, model, "Say hello.", stream)
					check(t, err, nil)
					check(t, got, asked{"Hello, you there.", 11, 7})
				})
				for status, shown := range map[int]int{400: 400, 429: 429, 500: 502} {
					spare++
					failing := fmt.Sprintf("%s-%d", model, spare)
					t.Run(fmt.Sprintf("%s/%s/failing with %d,stream=%v", s.name, dialect, status, stream), func(t *testing.T) {
						_, err := s.ask(key, failing, fmt.Sprintf("Fail with %d", status), stream)
						check(t, s.status(err), shown)
					})
				}
			}
			t.Run(s.name+"/"+dialect+"/tool", func(t *testing.T) {
				name, city, after, err := s.tool(model)
				check(t, err, nil)
				check(t, []string{name, city, after}, []string{"get_weather", "Oslo", "It is cold."})
			})
			t.Run(s.name+"/"+dialect+"/strangers", func(t *testing.T) {
				_, err := s.ask("weir-app-key-of-nobody", model, "Say hello.", false)
				check(t, s.status(err), 401)
				_, err = s.ask(key, "no-such-model", "Say hello.", false)
				check(t, s.status(err), 404)
			})
		}
	}
}

func openaiSDK() sdk {
	ctx := context.Background()
	open := func(key string) openai.Client {
		return openai.NewClient(openaioption.WithAPIKey(key), openaioption.WithBaseURL(os.Getenv("WEIR_URL")+"/v1"), openaioption.WithMaxRetries(0))
	}
	tools := []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
		Name: "get_weather", Description: openai.String("The weather in a city."), Parameters: schema})}
	return sdk{
		name: "openai",
		ask: func(key, model, text string, stream bool) (asked, error) {
			client := open(key)
			body := openai.ChatCompletionNewParams{Model: model, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)}}
			if !stream {
				answer, err := client.Chat.Completions.New(ctx, body)
				if err != nil {
					return asked{}, err
				}
				return asked{answer.Choices[0].Message.Content, answer.Usage.PromptTokens, answer.Usage.CompletionTokens}, nil
			}
			body.StreamOptions.IncludeUsage = openai.Bool(true)
			events, gathered := client.Chat.Completions.NewStreaming(ctx, body), openai.ChatCompletionAccumulator{}
			for events.Next() {
				gathered.AddChunk(events.Current())
			}
			if events.Err() != nil {
				return asked{}, events.Err()
			}
			return asked{gathered.Choices[0].Message.Content, gathered.Usage.PromptTokens, gathered.Usage.CompletionTokens}, nil
		},
		tool: func(model string) (string, string, string, error) {
			client := open(os.Getenv("WEIR_KEY"))
			body := openai.ChatCompletionNewParams{Model: model, Tools: tools,
				Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("How is the weather?")}}
			answer, err := client.Chat.Completions.New(ctx, body)
			if err != nil {
				return "", "", "", err
			}
			message := answer.Choices[0].Message
			call := message.ToolCalls[0]
			var input struct{ City string }
			if err := json.Unmarshal([]byte(call.Function.Arguments), &input); err != nil {
				return "", "", "", err
			}
			body.Messages = append(body.Messages, message.ToParam(), openai.ToolMessage("3 degrees", call.ID))
			after, err := client.Chat.Completions.New(ctx, body)
			if err != nil {
				return "", "", "", err
			}
			return call.Function.Name, input.City, after.Choices[0].Message.Content, nil
		},
		status: func(err error) int {
			var failure *openai.Error
			if errors.As(err, &failure) {
				return failure.StatusCode
			}
			return 0
		},
	}
}

func anthropicSDK() sdk {
	ctx := context.Background()
	open := func(key string) anthropic.Client {
		return anthropic.NewClient(anthropicoption.WithAPIKey(key), anthropicoption.WithBaseURL(os.Getenv("WEIR_URL")), anthropicoption.WithMaxRetries(0))
	}
	text := func(message *anthropic.Message) string {
		said := ""
		for _, block := range message.Content {
			said += block.Text
		}
		return said
	}
	tools := []anthropic.ToolUnionParam{{OfTool: &anthropic.ToolParam{Name: "get_weather", Description: anthropic.String("The weather in a city."),
		InputSchema: anthropic.ToolInputSchemaParam{Properties: schema["properties"], Required: []string{"city"}}}}}
	return sdk{
		name: "anthropic",
		ask: func(key, model, question string, stream bool) (asked, error) {
			client := open(key)
			body := anthropic.MessageNewParams{Model: anthropic.Model(model), MaxTokens: 4000,
				Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(question))}}
			if !stream {
				message, err := client.Messages.New(ctx, body)
				if err != nil {
					return asked{}, err
				}
				return asked{text(message), message.Usage.InputTokens, message.Usage.OutputTokens}, nil
			}
			events, message := client.Messages.NewStreaming(ctx, body), anthropic.Message{}
			for events.Next() {
				if err := message.Accumulate(events.Current()); err != nil {
					return asked{}, err
				}
			}
			if events.Err() != nil {
				return asked{}, events.Err()
			}
			return asked{text(&message), message.Usage.InputTokens, message.Usage.OutputTokens}, nil
		},
		tool: func(model string) (string, string, string, error) {
			client := open(os.Getenv("WEIR_KEY"))
			body := anthropic.MessageNewParams{Model: anthropic.Model(model), MaxTokens: 4000, Tools: tools,
				Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("How is the weather?"))}}
			message, err := client.Messages.New(ctx, body)
			if err != nil {
				return "", "", "", err
			}
			var name, id string
			var input struct{ City string }
			for _, block := range message.Content {
				if block.Type == "tool_use" {
					name, id = block.Name, block.ID
					if err := json.Unmarshal(block.Input, &input); err != nil {
						return "", "", "", err
					}
				}
			}
			body.Messages = append(body.Messages, message.ToParam(), anthropic.NewUserMessage(anthropic.NewToolResultBlock(id, "3 degrees", false)))
			after, err := client.Messages.New(ctx, body)
			if err != nil {
				return "", "", "", err
			}
			return name, input.City, text(after), nil
		},
		status: func(err error) int {
			var failure *anthropic.Error
			if errors.As(err, &failure) {
				return failure.StatusCode
			}
			return 0
		},
	}
}

func googleSDK() sdk {
	ctx := context.Background()
	open := func(key string) (*genai.Client, error) {
		return genai.NewClient(ctx, &genai.ClientConfig{APIKey: key, Backend: genai.BackendGeminiAPI,
			HTTPOptions: genai.HTTPOptions{BaseURL: os.Getenv("WEIR_URL")}})
	}
	tools := []*genai.Tool{{FunctionDeclarations: []*genai.FunctionDeclaration{{Name: "get_weather", Description: "The weather in a city.",
		ParametersJsonSchema: schema}}}}
	return sdk{
		name: "google",
		ask: func(key, model, question string, stream bool) (asked, error) {
			client, err := open(key)
			if err != nil {
				return asked{}, err
			}
			if !stream {
				answer, err := client.Models.GenerateContent(ctx, model, genai.Text(question), nil)
				if err != nil {
					return asked{}, err
				}
				return asked{answer.Text(), int64(answer.UsageMetadata.PromptTokenCount), int64(answer.UsageMetadata.CandidatesTokenCount)}, nil
			}
			got := asked{}
			for chunk, err := range client.Models.GenerateContentStream(ctx, model, genai.Text(question), nil) {
				if err != nil {
					return asked{}, err
				}
				got.text += chunk.Text()
				if usage := chunk.UsageMetadata; usage != nil {
					got.input, got.output = int64(usage.PromptTokenCount), int64(usage.CandidatesTokenCount)
				}
			}
			return got, nil
		},
		tool: func(model string) (string, string, string, error) {
			client, err := open(os.Getenv("WEIR_KEY"))
			if err != nil {
				return "", "", "", err
			}
			config, contents := &genai.GenerateContentConfig{Tools: tools}, genai.Text("How is the weather?")
			answer, err := client.Models.GenerateContent(ctx, model, contents, config)
			if err != nil {
				return "", "", "", err
			}
			call := answer.FunctionCalls()[0]
			result := &genai.Part{FunctionResponse: &genai.FunctionResponse{ID: call.ID, Name: call.Name, Response: map[string]any{"output": "3 degrees"}}}
			contents = append(contents, answer.Candidates[0].Content, &genai.Content{Role: "user", Parts: []*genai.Part{result}})
			after, err := client.Models.GenerateContent(ctx, model, contents, config)
			if err != nil {
				return "", "", "", err
			}
			return call.Name, fmt.Sprint(call.Args["city"]), after.Text(), nil
		},
		status: func(err error) int {
			var failure genai.APIError
			if errors.As(err, &failure) {
				return failure.Code
			}
			return 0
		},
	}
}
